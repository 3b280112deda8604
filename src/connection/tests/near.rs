//! What tests of adapters look at, and set, in a connection.

use super::super::Connection;

impl Connection {
    /// This side's key may protect so many full records more, for tests of adapters.
    pub(crate) fn leave_records(&mut self, records: u32) {
        use crate::limits::{AES_GCM_PIECE, AES_GCM_PIECES, RECORD_PLAINTEXT};
        let each = (RECORD_PLAINTEXT / AES_GCM_PIECE) as u32 + 1;
        let key = self.sending.writing.key_mut().expect("a handshake before");
        key.set_pieces(AES_GCM_PIECES - records * each - 1);
    }

    /// Whether both keys rest.
    #[cfg(feature = "tokio")]
    pub(crate) fn rests(&self) -> bool {
        let (read, write) = (self.receiving.reading.key.get(), self.sending.writing.key());
        [read, write].into_iter().flatten().all(|key| key.rests())
    }
}
