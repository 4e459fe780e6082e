//! The engine inside a program that is no Python, such as httpd.
//!
//! | file | what it does |
//! |---|---|
//! | `abi.rs` | the table by which the host calls the engine |
//! | `python.rs` | Python's beginning |
//! | `ending.rs` | what applications have to do before the process ends |
//! | `journal.rs` | the host's error log |

mod abi;
mod ending;
mod journal;
mod python;

pub(crate) use journal::log;
