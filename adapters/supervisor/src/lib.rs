//! Worker processes: started, watched, replaced. Knows neither tokio nor Python.
//!
//! | file | what it does |
//! |---|---|
//! | `fleet/` | decides: events in, actions out, no processes |
//! | `supervisor.rs` | does it: signals, workers, their links, time |
//! | `link.rs` | what a worker and its supervisor tell each other |
//! | `control.rs` | the socket behind `narthex status`, `reload` and `stop` |
//! | `runtime.rs` | the directory of such sockets |
//! | `management.rs` | metrics and health, over HTTP |
//! | `systemd.rs` | what the service manager is told |
//! | `pid_file.rs`, `memory.rs` | what their names say |

pub mod control;
mod error;
mod fleet;
mod link;
mod management;
mod memory;
mod pid_file;
pub mod runtime;
mod status;
mod supervisor;
pub mod systemd;

pub use error::{Error, Result};
pub use fleet::{Manner, Order, Policy, Worker};
pub use link::{Link, Message};
pub use management::{Management, Reporter, Source, report};
pub use memory::resident_memory;
pub use pid_file::PidFile;
pub use supervisor::{Owner, Remote, Settings, Supervisor};
