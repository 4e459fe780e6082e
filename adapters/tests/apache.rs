//! Inside Apache httpd, through the suite: behind a host in miniature that speaks the tables.
#![cfg(feature = "apache")]

mod httpd;
mod listening;
mod spoken;

use narthex_conformance::suite;
use spoken::Spoken;

suite!(Spoken { backend: &httpd::IN_MINIATURE, dialect: httpd::Pieces::default });
