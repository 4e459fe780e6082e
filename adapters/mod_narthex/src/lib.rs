//! The module of Apache httpd: hooks, directives, and the request of an httpd thread.
//!
//! It is linked to no Python. In-process, it opens the one that is configured and speaks to its
//! engine by `narthex-abi`; otherwise it is a FastCGI client of worker processes, which the broker
//! starts.

#[allow(
    warnings,
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated from C"
)]
mod ffi;
