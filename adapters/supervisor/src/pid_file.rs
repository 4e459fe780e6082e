//! A file with the number of this process, for scripts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// A pid file, removed on drop unless another server has taken it over.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the number of this process to `path`.
    ///
    /// # Errors
    /// A server that the file names is still running, or the file cannot be written.
    pub fn write(path: &Path) -> Result<Self> {
        let cannot = |error| {
            Error::system(format!("the pid file {} cannot be written", path.display()))(error)
        };
        if let Some(process) = written_in(path).filter(|&process| is_ours(process)) {
            return Err(Error::PidFile(path.to_owned(), process));
        }
        let path = std::path::absolute(path).map_err(cannot)?;
        // By another name first: nobody reads half a number.
        let new = path.with_extension(format!("new{}", std::process::id()));
        fs::write(&new, format!("{}\n", std::process::id())).map_err(cannot)?;
        fs::rename(&new, &path).map_err(cannot)?;
        Ok(Self(path))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if written_in(&self.0) == i32::try_from(std::process::id()).ok() {
            // Gone already is as good as removed.
            let _: io::Result<()> = fs::remove_file(&self.0);
        }
    }
}

fn written_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Whether a process is another narthex: after a crash its number may be anybody's.
fn is_ours(process: i32) -> bool {
    u32::try_from(process).is_ok_and(|process| process != std::process::id())
        && fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| line.windows(7).any(|word| word == b"narthex"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_comes_and_goes_and_a_stale_one_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.pid");
        fs::write(&path, "999999999\n").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_another_server_wrote_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.pid");
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
    }
}
