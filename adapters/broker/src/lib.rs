//! What the Apache module and the broker tell each other: groups as they are defined, and pools of
//! worker processes as they are asked for.
//!
//! The parent of httpd [`start`]s the program `narthex-broker` with a [`Definition`], and tells it of
//! another by [`define`] at a graceful restart. A child of httpd asks by [`open`] for the socket of a
//! pool, connects to it, and speaks FastCGI with whoever answers.
//!
//! # What comes of a connection
//!
//! While a pool has no processes the broker keeps its socket. The first connection that waits there
//! makes it start them; meanwhile connections and what is sent on them wait in the socket's queue. If
//! the queue is full ([`Group::queue`]), a connection is refused with `EAGAIN` where it must not wait.
//!
//! When processes do not start, the broker accepts what waits and ends each of these connections with
//! FastCGI: a record `STDERR` that says why in one line, and `END_REQUEST` with the protocol status
//! `OVERLOADED`, for the request of the id 1. Nobody has read the request then. That, and no other answer,
//! is to become a 503 and that line in the log. What ends in another way was a process's: 502.
//!
//! A connection that has been kept from an earlier request, and ends before it has said anything about
//! this one, was closed by a process that had come to its end: its request may be sent again on a new
//! connection. So may one whose variables could not all be written: no application is called before it
//! has them.
//!
//! # Who is trusted
//!
//! Users, interpreters and limits come from the server's configuration alone. What runs in a group, a
//! child of httpd says: whoever has taken one over can have any program run as the user of any group, as
//! with other modules that have daemons. Customers who must not reach each other so need an httpd each.
//! Names of groups in what children ask for, and the number of pools, are bounded.
//!
//! | file | what it does |
//! |---|---|
//! | `group.rs` | the settings of a group |
//! | `definition.rs` | all groups, and how they are written |
//! | `identity.rs`, `python.rs` | who processes run as, and what keeps them from their interpreter |
//! | `text.rs` | lines of words, of which all that is said consists |
//! | `client.rs` | asking the broker, and starting it |

mod client;
mod definition;
mod group;
pub mod identity;
pub mod python;
pub mod text;

pub use client::{OpenError, define, open, start};
pub use definition::Definition;
pub use group::{DEFAULT, Group};
