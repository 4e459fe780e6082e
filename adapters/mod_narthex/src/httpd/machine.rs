//! What the configuration is checked against: users, and the file of this module.
#![allow(unsafe_code, reason = "the databases of users and of loaded files are the C library's")]

use std::{
    ffi::{CString, OsStr},
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use super::text;
use crate::{config::World, module};

/// This machine, asked by the one thread that reads the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine;

impl World for Machine {
    fn has_user(&self, name: &str) -> bool {
        is_number(name)
            // SAFETY: the name ends in a NUL; only whether there is a result is looked at.
            || CString::new(name).is_ok_and(|name| unsafe { !libc::getpwnam(name.as_ptr()).is_null() })
    }

    fn has_group(&self, name: &str) -> bool {
        is_number(name)
            // SAFETY: the name ends in a NUL; only whether there is a result is looked at.
            || CString::new(name).is_ok_and(|name| unsafe { !libc::getgrnam(name.as_ptr()).is_null() })
    }

    fn may_change_user(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    fn module(&self) -> Option<PathBuf> {
        let mut about = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: `about` is written before it is read; its name is a string of the loader's.
        let name = unsafe {
            if libc::dladdr(module::record().cast_const().cast(), about.as_mut_ptr()) == 0 {
                return None;
            }
            text::bytes(about.assume_init().dli_fname)?
        };
        Some(PathBuf::from(OsStr::from_bytes(name)))
    }
}

fn is_number(name: &str) -> bool {
    let digits = name.strip_prefix('#').unwrap_or(name);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
