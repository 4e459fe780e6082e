//! The embedded server on `tiny_http`, through the suite.
#![cfg(feature = "tiny-http")]

mod listening;

use listening::Listening;
use narthex_adapters::tiny_http::BACKEND;
use narthex_conformance::suite;

suite!(Listening(&BACKEND));
