//! The bytes of a file, read piece by piece.

use std::{
    io::{self, IoSliceMut},
    ops::Range,
    os::fd::OwnedFd,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use narthex_core::{Blocking, Error, Result, Source};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// Bytes that are read at once; a client that reads slowly holds no more.
const PIECE: u64 = 128 * 1024;

/// Some bytes of a file.
#[derive(Debug)]
pub(super) struct Content {
    file: OwnedFd,
    left: Range<u64>,
}

impl Content {
    /// The bytes `part` of `file`.
    pub(super) fn new(file: OwnedFd, part: Range<u64>) -> Self {
        Self { file, left: part }
    }

    /// The next piece; `None` at the end. At once where the bytes are in memory, else by `blocking`.
    ///
    /// # Errors
    /// The file cannot be read, or has become shorter: the response cannot be completed.
    pub(super) fn next(&mut self, blocking: &dyn Blocking) -> Result<Option<Bytes>> {
        let size = (self.left.end - self.left.start).min(PIECE);
        if size == 0 {
            return Ok(None);
        }
        let size = usize::try_from(size).expect("no more than a piece");
        let mut piece = BytesMut::zeroed(size);
        let count = match self.read(&mut piece, ReadWriteFlags::NOWAIT) {
            // Not in memory, or a file system that cannot tell.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                let mut count = Ok(0);
                blocking.block(&mut || count = self.read(&mut piece, ReadWriteFlags::empty()));
                count
            }
            count => count,
        };
        let count = count.map_err(|errno| failed(&errno.into()))?;
        if count == 0 {
            return Err(Error::internal("a static file became shorter while it was sent"));
        }
        piece.truncate(count);
        self.left.start += count as u64;
        Ok(Some(piece.freeze()))
    }

    /// All of it, in one piece: as it nearly always comes.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(super) fn whole(mut self, blocking: &dyn Blocking) -> Result<Bytes> {
        let first = self.next(blocking)?.unwrap_or_default();
        let Some(second) = self.next(blocking)? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(piece) = self.next(blocking)? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    fn read(&self, piece: &mut [u8], flags: ReadWriteFlags) -> Result<usize, Errno> {
        loop {
            match preadv2(&self.file, &mut [IoSliceMut::new(piece)], self.left.start, flags) {
                Err(Errno::INTR) => {}
                outcome => return outcome,
            }
        }
    }
}

/// A failure of the system, as the log tells it.
pub(super) fn failed(error: &io::Error) -> Error {
    Error::internal(format!("a static file cannot be read: {error}"))
}

/// [`Content`] that is read while it is sent.
pub(super) struct Sending {
    content: Content,
    blocking: Arc<dyn Blocking>,
}

impl Sending {
    /// `content`, waited for by `blocking`.
    pub(super) fn new(content: Content, blocking: Arc<dyn Blocking>) -> Self {
        Self { content, blocking }
    }
}

impl Source for Sending {
    fn next(&mut self) -> Result<Option<Bytes>> {
        self.content.next(&*self.blocking)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use narthex_core::Inline;

    use super::*;

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let path = std::env::temp_dir().join(format!("narthex-shrink-{}", std::process::id()));
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(&vec![7; 300_000]).unwrap();
        file.rewind().unwrap();
        let mut content = Content::new(file.try_clone().unwrap().into(), 10..300_000);
        let first = content.next(&Inline).unwrap().unwrap();
        assert!(!first.is_empty() && first.len() as u64 <= PIECE);
        file.set_len(10 + first.len() as u64).unwrap();
        assert!(matches!(content.next(&Inline), Err(Error::Internal(_))));
        assert!(Content::new(file.into(), 5..5).next(&Inline).unwrap().is_none());
    }
}
