//! Output that has to wait: in memory, and beyond a limit in a file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    mem,
};

use bytes::Bytes;

/// Bytes kept in memory.
const MEMORY: usize = 1024 * 1024;
/// Bytes that may wait at all: who writes more is told so, and has a transport next time.
const MOST: u64 = 256 * 1024 * 1024;
/// Bytes read back at once.
const PIECE: usize = 64 * 1024;

/// Bytes written first and read afterwards, once.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    memory: Vec<u8>,
    /// Holds everything once there is more than memory should.
    file: Option<File>,
    length: u64,
    reading: bool,
}

impl Spool {
    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        if self.length > MOST {
            return Err(io::Error::other("more output than can be held back"));
        }
        if self.file.is_none() && self.memory.len() + bytes.len() > MEMORY {
            let mut file = tempfile::tempfile()?;
            file.write_all(&mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes were appended.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// The next piece; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(file) = &mut self.file else {
            let memory = mem::take(&mut self.memory);
            return Ok((!memory.is_empty()).then(|| memory.into()));
        };
        if !mem::replace(&mut self.reading, true) {
            file.seek(SeekFrom::Start(0))?;
        }
        let mut piece = vec![0; PIECE];
        let count = file.read(&mut piece)?;
        piece.truncate(count);
        Ok((count > 0).then(|| piece.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for size in [0, 10, MEMORY, 3 * MEMORY + 7] {
            let mut spool = Spool::default();
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            bytes.chunks(100_000).for_each(|chunk| spool.push(chunk).unwrap());
            assert_eq!(spool.len(), size as u64);
            let mut back = Vec::new();
            while let Some(piece) = spool.next().unwrap() {
                back.extend_from_slice(&piece);
            }
            assert!(back == bytes);
        }
    }
}
