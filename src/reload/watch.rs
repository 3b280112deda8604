//! A thread that looks at the files from time to time.

use super::error::Notice;
use super::kept::Patience;
use super::reloader::{Reloadable, Reloader};
use crate::limits;
use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Looks at files until it is dropped. Its thread sleeps in between.
///
/// ```
/// # use handfast::{ServerConfig, pki::UnixTime, reload::Reloader};
/// # use std::{sync::mpsc, time::Duration};
/// # let reloader = Reloader::new(ServerConfig::asking_for_certificates(UnixTime::now));
/// let (tell, told) = mpsc::channel();
/// let watch = reloader.watch(Duration::from_secs(30), move |notice| {
///     let _nobody_listens = tell.send(notice);
/// })?;
/// watch.look(); // now, for instance on SIGHUP
/// drop(watch); // its thread ends, and with it what is told
/// assert!(told.iter().next().is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Watch(Sender<()>);

impl<C: Reloadable> Reloader<C> {
    /// Looks at the files as often, and tells each notice, those of the first loading at
    /// once. A change counts when two looks have seen the same, the second after half a
    /// second or `every` if that is less: who replaces two files is not met between
    /// them. What is wrong is told once, not with every look.
    ///
    /// `tell` is called on the thread of the watch; a panic in it ends the watch.
    ///
    /// # Errors
    /// The system makes no thread.
    pub fn watch(self, every: Duration, tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Watch> {
        let (asks, asked) = channel();
        let watch = move || keep_looking(self, every, &asked, tell);
        thread::Builder::new().name("handfast-reload".to_owned()).spawn(watch)?;
        Ok(Watch(asks))
    }
}

impl Watch {
    /// Has it look now, and take what it finds as finished, for instance on SIGHUP.
    /// What came of it is told as always, what is still wrong, too.
    pub fn look(&self) {
        let _none_where_tell_panicked = self.0.send(());
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

fn keep_looking<C: Reloadable>(
    mut reloader: Reloader<C>,
    every: Duration,
    asked: &Receiver<()>,
    mut tell: impl FnMut(Notice),
) {
    std::mem::take(&mut reloader.untold).into_iter().for_each(&mut tell);
    let mut unsettled = 0;
    loop {
        let wait = if unsettled == 0 { every } else { every.min(limits::FILES_SETTLE) };
        let patience = match asked.recv_timeout(wait) {
            Ok(()) => Patience::AtOnce,
            Err(RecvTimeoutError::Timeout) if unsettled < limits::UNSETTLED_LOOKS => Patience::SeenTwice,
            Err(RecvTimeoutError::Timeout) => Patience::AtOnce,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (notices, soon) = reloader.look(patience);
        notices.into_iter().for_each(&mut tell);
        unsettled = if soon { unsettled + 1 } else { 0 };
    }
}
