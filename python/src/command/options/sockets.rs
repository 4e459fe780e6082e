//! Who may connect to Unix sockets, and sockets that are open already.

use std::{
    env,
    fs::File,
    io,
    os::fd::{AsRawFd, IntoRawFd},
};

use clap::Args;
use narthex_adapters::{ACTIVATION_VARIABLES, Bind, Permissions, activated};
use pyo3::prelude::*;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::command::{choice, failure::Failure};

/// Who may connect to the Unix sockets that are made.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Listening")]
pub(in crate::command) struct Sockets {
    /// Mode of the files of Unix sockets, such as 660 [default: what the umask leaves of 777]
    #[arg(long, env = "NARTHEX_SOCKET_MODE", value_name = "MODE", value_parser = mode)]
    socket_mode: Option<u32>,
    /// Owner of the files of Unix sockets, by names or numbers
    #[arg(long, env = "NARTHEX_SOCKET_OWNER", value_name = "USER[:GROUP]")]
    socket_owner: Option<String>,
}

impl Sockets {
    /// Tells those of `binds` that are Unix sockets who may connect.
    ///
    /// # Errors
    /// There is no such user or group.
    pub(in crate::command) fn apply(&self, binds: &mut [Bind]) -> Result<(), Failure> {
        let (user, group) = match &self.socket_owner {
            Some(owner) => ids(owner)?,
            None => (None, None),
        };
        let asked = Permissions { mode: self.socket_mode, user, group };
        for bind in binds {
            if let Bind::Unix(_, permissions) = bind {
                *permissions = asked;
            }
        }
        Ok(())
    }
}

/// The sockets that a service manager has opened for this process, or the one that a web server has
/// put in the place of its standard input.
pub(in crate::command) fn inherited() -> Vec<Bind> {
    if choice::stdin_listens() {
        return vec![Bind::Fd(0)];
    }
    if env::var_os(ACTIVATION_VARIABLES[0]).is_none() {
        return Vec::new();
    }
    activated(&choice::surroundings())
}

/// Opens the standard output and error of a process that was given nothing but a listening socket
/// (FastCGI specification, 2.2): what is opened later would else be written to by every `print`.
///
/// # Errors
/// There is no /dev/null.
pub(in crate::command) fn open_streams() -> io::Result<()> {
    if !choice::stdin_listens() {
        return Ok(());
    }
    loop {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        if null.as_raw_fd() > 2 {
            return Ok(());
        }
        fcntl_setfd(&null, FdFlags::empty())?; // for children too
        let _ = null.into_raw_fd(); // stays open
    }
}

/// Removes from the environment what is said there of such sockets: to a process that the
/// application starts it would be a lie.
pub(in crate::command) fn forget(py: Python<'_>) -> PyResult<()> {
    let environment = py.import("os")?.getattr("environ")?;
    for name in ACTIVATION_VARIABLES {
        environment.call_method1("pop", (name, py.None()))?;
    }
    Ok(())
}

/// A mode as chmod takes it.
fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text.trim_start_matches("0o"), 8)
        .ok()
        .filter(|&mode| mode <= 0o777 && !text.starts_with('+'))
        .ok_or_else(|| "write an octal number, such as 660 or 0600".to_owned())
}

fn ids(owner: &str) -> Result<(Option<u32>, Option<u32>), Failure> {
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    let user = id(user, "user", ("pwd", "getpwnam", "pw_uid"))?;
    Ok((user, id(group, "group", ("grp", "getgrnam", "gr_gid"))?))
}

/// The number of a user or a group, wherever the system keeps them.
fn id(name: &str, kind: &str, place: (&str, &str, &str)) -> Result<Option<u32>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    let (module, function, attribute) = place;
    let found = Python::attach(|py| {
        let entry = py.import(module)?.call_method1(function, (name,))?;
        entry.getattr(attribute)?.extract()
    });
    found.map(Some).map_err(|_: PyErr| {
        Failure::new(
            "N210",
            &format!("there is no {kind} {name}"),
            vec!["--socket-owner takes USER, USER:GROUP or :GROUP".to_owned()],
            vec![format!("write the name or number of a {kind} of this machine")],
        )
    })
}
