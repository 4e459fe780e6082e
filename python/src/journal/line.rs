//! A line being written: what a client has made never ends it, nor passes for a part of it.

use std::fmt::{self, Write as _};

/// Bytes that need no escape in text or in JSON.
pub(super) const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = byte != b'"' && byte != b'\\';
        byte += 1;
    }
    plain
};

/// Bytes of a line, without its end.
#[derive(Default)]
pub(super) struct Line(pub(super) Vec<u8>);

impl Line {
    /// Text of ours, as it is.
    pub(super) fn text(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    /// Text of ours in which a client's may be quoted. Further lines, such as those of a traceback,
    /// are indented: none of them can pass for a line of the log.
    pub(super) fn message(&mut self, message: &dyn fmt::Display) {
        struct Escaping<'a>(&'a mut Line);
        impl fmt::Write for Escaping<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for (number, line) in text.split('\n').enumerate() {
                    if number > 0 {
                        self.0.text(b"\n  ");
                    }
                    for &byte in line.as_bytes() {
                        match byte {
                            b' '..=b'~' => self.0.0.push(byte),
                            _ => self.0.hexadecimal(byte),
                        }
                    }
                }
                Ok(())
            }
        }
        // A `Display` that fails leaves what it has written so far.
        let _ = write!(Escaping(self), "{message}");
    }

    /// What a client may have made, escaped as Apache httpd does it, and with it the bytes by which
    /// readers know its end: they do not occur in it.
    pub(super) fn escaped(&mut self, value: &[u8], ends: &[u8]) {
        let special = |byte: &u8| !PLAIN[usize::from(*byte)] || ends.contains(byte);
        let mut rest = value;
        while let Some(position) = rest.iter().position(special) {
            self.text(&rest[..position]);
            match rest[position] {
                byte @ (b'"' | b'\\') => self.text(&[b'\\', byte]),
                b'\n' => self.text(b"\\n"),
                b'\r' => self.text(b"\\r"),
                b'\t' => self.text(b"\\t"),
                0x08 => self.text(b"\\b"),
                0x0b => self.text(b"\\v"),
                0x0c => self.text(b"\\f"),
                byte => self.hexadecimal(byte),
            }
            rest = &rest[position + 1..];
        }
        self.text(rest);
    }

    /// A number in decimal digits.
    pub(super) fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            if number == 0 {
                return self.text(&digits[start..]);
            }
        }
    }

    /// What `text` formats to, as it is.
    pub(super) fn formatted(&mut self, text: fmt::Arguments<'_>) {
        struct Raw<'a>(&'a mut Vec<u8>);
        impl fmt::Write for Raw<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
        let _ = Raw(&mut self.0).write_fmt(text); // writing to memory does not fail
    }

    fn hexadecimal(&mut self, byte: u8) {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        self.text(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
    }
}
