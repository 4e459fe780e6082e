//! How much memory a process has.

use std::fs;

/// Resident bytes of a process; `None` when it has gone.
#[must_use]
pub fn resident_memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(resident_memory(std::process::id()).unwrap() > 1 << 16);
        assert_eq!(resident_memory(u32::MAX), None);
    }
}
