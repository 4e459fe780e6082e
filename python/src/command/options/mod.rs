//! Groups of options, each with what it turns into.

pub(super) mod calls;
pub(super) mod proxy;
pub(super) mod sockets;
pub(super) mod statics;
pub(super) mod workers;
