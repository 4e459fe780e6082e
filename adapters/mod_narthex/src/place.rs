//! Where a request has arrived: an application as it is configured, and its place in the URLs.

use std::fmt;

use bytes::Bytes;

use crate::{group, inline};

/// Where an application runs.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Process {
    /// In the child of httpd itself.
    Inline,
    /// In the processes of the group of this name, which the configuration has defined.
    Group(Bytes),
}

/// An application as it is configured: the same value for all requests that differ in nothing of
/// this, for as long as the child lives.
pub(crate) struct Application {
    /// The arguments of `narthex serve`, without the command: options first, then `--` and APP.
    /// `--mount` is among them only if somebody has written it: the mount comes with each request.
    pub(crate) arguments: Vec<Bytes>,
    /// Where it runs.
    pub(crate) process: Process,
    /// What `inline` has made of it.
    pub(crate) inline: inline::Slot,
    /// What `group` has made of it.
    pub(crate) group: group::Slot,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("arguments", &self.arguments)
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

/// Where a request has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Whose it is.
    pub(crate) application: &'static Application,
    /// Where that is mounted: decoded, without a slash at its end; empty for the root.
    pub(crate) mount: &'a [u8],
    /// The path below that, decoded; empty, or it begins with a slash.
    pub(crate) path_info: &'a [u8],
}

/// What has become of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It has been answered, or its client has gone.
    Answered,
    /// httpd is to answer it by this status, with its `ErrorDocument`. The reason is in the log.
    Status(u16),
    /// It is not for us after all.
    Declined,
}
