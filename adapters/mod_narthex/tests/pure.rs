//! The parts of the module that know nothing of httpd. What httpd exports is there only inside of it, so
//! that the module itself cannot become a program of tests.
#![allow(dead_code, unused_imports, reason = "the module uses what is left over here")]

#[path = "../src/config/mod.rs"]
mod config;
#[path = "../src/paths.rs"]
mod paths;
