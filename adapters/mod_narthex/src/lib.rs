//! The module of Apache httpd: hooks, directives, and the request of an httpd thread.
//!
//! It is linked to no Python. In-process, it opens the one that is configured and speaks to its
//! engine by `narthex-abi`; otherwise it is a FastCGI client of worker processes, which the broker
//! starts.
//!
//! - `config/` reads the directives: text in, settings out, nothing of httpd.
//! - `httpd/` is httpd as the rest of the crate sees it: safe, and borrowed for as long as it lives.
//! - `module` is what httpd sees: the module record, and every function that it calls.
//! - `dispatch` decides which requests are an application's, and whose; `paths` where that is mounted.
//! - `life` is what happens as httpd starts; `child` and `applications` are what a child of httpd has.
//! - `inline/` and `group/` answer them.
//! - `auth` asks functions that decide who may pass.

#[rustfmt::skip]
#[allow(
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    clippy::use_self,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated from C"
)]
mod ffi;

mod applications;
mod auth;
mod child;
mod config;
mod dispatch;
#[allow(dead_code, reason = "the providers that ask an authorizer are still to come")]
mod group;
mod httpd;
mod inline;
mod life;
mod module;
mod paths;
mod place;
