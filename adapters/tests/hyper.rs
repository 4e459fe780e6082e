//! The embedded server on hyper, through the suite.
#![cfg(feature = "hyper")]

mod listening;

use listening::Listening;
use narthex_adapters::hyper::BACKEND;
use narthex_conformance::suite;

suite!(Listening(&BACKEND));
