//! The least a CGI program can do: an answer of 13 bytes, without shared libraries or Python.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(
        b"Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!",
    )
}
