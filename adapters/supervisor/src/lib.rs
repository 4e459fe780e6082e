//! Worker processes: started, watched, replaced. Knows neither tokio nor Python.
//!
//! | file | what it does |
//! |---|---|
//! | `fleet/` | decides: events in, actions out, no processes |
//! | `supervisor/` | does it: signals, workers, their links, time |
//! | `link.rs` | what a worker and its supervisor tell each other |
//! | `control.rs` | the socket behind `narthex status`, `reload` and `stop` |
//! | `figures.rs` | the figures of a worker, on their way |
//! | `management.rs` | metrics and health, over HTTP |
//! | `systemd.rs` | what the service manager is told |
//! | `pid_file.rs`, `memory.rs` | what their names say |

pub mod control;
mod error;
mod figures;
mod fleet;
mod link;
#[cfg(feature = "management")]
mod management;
#[cfg(not(feature = "management"))]
#[path = "no_management.rs"]
mod management;
mod memory;
mod pid_file;
mod status;
mod supervisor;
pub mod systemd;

pub use error::{Error, Result};
pub use figures::{Reporter, Source, report};
pub use fleet::{Backoff, Manner, Order, Policy, Worker};
pub use link::{Link, Message};
pub use management::Management;
pub use memory::resident_memory;
pub use narthex_cgi as runtime;
pub use pid_file::PidFile;
pub use supervisor::{Charge, Owner, Remote, Rounds, Settings, Supervisor, Told, Troop, Waits};
