//! FastCGI.

pub mod pairs;
pub mod record;
