//! The broker of one httpd.

fn main() {}
