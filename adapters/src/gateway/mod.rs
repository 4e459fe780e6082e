//! Connections of gateway protocols, by which a web server hands on what it has received.

pub(crate) mod protocol;
