//! The end of a connection, and whether it was clean.

use super::super::transport::is_broken;
use super::stream::AsyncTlsStream;
use crate::connection::Close;
use crate::error::Error;
use crate::limits;
use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncTlsStream<S> {
    /// Says with close_notify that this side sends no more, and waits for the peer to
    /// say it, too: whether all that it sent has arrived, or the connection was cut.
    /// What still arrives is thrown away, up to [`limits::DATA_AFTER_CLOSE`]: read
    /// what is wanted before. Dropped half way, it goes on with the next call.
    ///
    /// Many peers close without close_notify. After a request whose answer says where
    /// it ends, as those of HTTP do with `content-length` or chunks, nothing is missing
    /// then, and [`Close::Truncated`] need worry nobody; where the end of the
    /// connection is the end of the data, it is an attack until shown otherwise (RFC
    /// 9846 section 6.1). It waits as long as the peer lets it: set a time around it.
    ///
    /// ```
    /// # use handfast::{AsyncTlsStream, Close};
    /// # use std::time::Duration;
    /// # async fn example(mut tls: AsyncTlsStream<tokio::io::DuplexStream>) -> std::io::Result<()> {
    /// match tokio::time::timeout(Duration::from_secs(5), tls.close()).await {
    ///     Ok(Ok(Close::Clean)) => println!("all has arrived"),
    ///     Ok(Ok(Close::Truncated)) => println!("the peer, or somebody between, cut the connection"),
    ///     Ok(Err(error)) => println!("{error}"),
    ///     Err(_elapsed) => println!("the peer does not close"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection or the stream failed, or the peer sends on and on.
    pub async fn close(&mut self) -> io::Result<Close> {
        let said = poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await;
        // Whoever went first cut this side's close_notify off; what it said before counts.
        if let Err(error) = said
            && !is_broken(&error)
            && error.kind() != ErrorKind::NotConnected
        {
            return Err(error);
        }
        let mut thrown_away = 0;
        loop {
            let arrived = poll_fn(|cx| Pin::new(&mut *self).poll_fill_buf(cx).map_ok(<[u8]>::len)).await;
            match arrived {
                Ok(0) => return Ok(Close::Clean),
                Ok(n) => {
                    Pin::new(&mut *self).consume(n);
                    thrown_away += n;
                }
                Err(error) if matches!(Error::of_io(&error), Some(Error::Truncated)) => {
                    return Ok(Close::Truncated);
                }
                Err(error) if is_broken(&error) && Error::of_io(&error).is_none() => {
                    return Ok(Close::Truncated);
                }
                Err(error) => return Err(error),
            }
            if thrown_away > limits::DATA_AFTER_CLOSE {
                return Err(
                    Error::Limit("the peer sends on after this side has closed: read it first").into()
                );
            }
        }
    }
}
