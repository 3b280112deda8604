//! The transport of the libraries that want to be given a stream.

use std::io::{Error, ErrorKind, Read, Result, Write};

/// What came and has not been read, and what was written.
#[derive(Default)]
pub struct Pipe {
    input: Vec<u8>,
    read: usize,
    output: Vec<u8>,
}

impl Pipe {
    /// Takes over what came.
    pub fn fill(&mut self, input: &mut Vec<u8>) {
        assert_eq!(self.read, self.input.len(), "something was left unread");
        std::mem::swap(&mut self.input, input);
        input.clear();
        self.read = 0;
    }

    /// Hands over what was written.
    pub fn drain(&mut self, output: &mut Vec<u8>) {
        if output.is_empty() {
            std::mem::swap(&mut self.output, output);
        } else {
            output.append(&mut self.output);
        }
    }

    /// The bench's own memory goes, so that only the library's is counted.
    pub fn release(&mut self) {
        (self.input, self.output) = (Vec::new(), Vec::new());
        self.read = 0;
    }

    pub fn is_read(&self) -> bool {
        self.read == self.input.len()
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let rest = &self.input[self.read..];
        if rest.is_empty() {
            return Err(Error::from(ErrorKind::WouldBlock));
        }
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        self.read += n;
        Ok(n)
    }
}

impl Write for Pipe {
    fn write(&mut self, data: &[u8]) -> Result<usize> {
        self.output.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
