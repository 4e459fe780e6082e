//! The broker of one httpd: starts the worker processes of its groups when they are needed, watches
//! them, and ends them.
//!
//! | file | what it does |
//! |---|---|
//! | `server.rs` | all pools, and who may ask for them |
//! | `pool.rs` | one pool: its socket, and its processes as long as they are needed |
//! | `processes.rs` | how the processes of a pool are started, and what is done with what they say |
//! | `turn_away.rs` | what clients hear of a pool that does not start |
//! | `descend.rs` | the same program once more, between the broker and Python: gives privileges up |
//! | `children.rs` | the socket by which httpd and its children ask |
//! | `orders.rs` | `narthex status`, `reload` and `stop` |
//! | `place.rs` | the directory of the sockets |
//! | `log.rs` | lines for httpd's error log |

mod children;
mod descend;
mod log;
mod orders;
mod place;
mod pool;
mod processes;
mod server;
mod turn_away;

use std::{env, ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some("--child-of") if arguments.len() == 2 => server::run(&arguments[1]),
        Some(descend::OPTION) => descend::run(&arguments[1..]),
        Some("--version") => {
            log::line(concat!("narthex-broker ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        _ => {
            log::line("narthex-broker: this program is started by mod_narthex, in httpd");
            ExitCode::from(2)
        }
    }
}
