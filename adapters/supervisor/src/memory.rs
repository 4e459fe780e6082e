//! How much memory a process has.

use std::fs;

/// Resident bytes of a process; `None` when it has gone.
pub(crate) fn resident(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(resident(std::process::id()).unwrap() > 1 << 16);
        assert_eq!(resident(u32::MAX), None);
    }
}
