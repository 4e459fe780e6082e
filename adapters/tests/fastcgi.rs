//! FastCGI, through the suite.
#![cfg(feature = "fastcgi")]

mod listening;
mod spoken;

use bytes::{Bytes, BytesMut};
use narthex_adapters::fastcgi::{
    BACKEND,
    client::{Client, ClientError, Event},
    record::{Broken, RESPONDER},
};
use narthex_conformance::{Dialect, suite};
use narthex_core::Variables;
use spoken::Spoken;

/// One request to a connection, which is then closed.
#[derive(Default)]
struct Once {
    client: Client,
    /// What the program would have exited with.
    status: Option<u32>,
}

impl Dialect for Once {
    fn variables(&mut self, variables: &Variables, out: &mut Vec<u8>) {
        let variables = variables.iter().map(|(name, value)| (&**name, &**value));
        assert_eq!(self.client.begin(out, RESPONDER, false, variables), Some(1));
    }

    fn body(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.client.body(out, 1, piece);
    }

    fn body_end(&mut self, out: &mut Vec<u8>) {
        self.client.body_end(out, 1);
    }

    fn output(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        loop {
            match self.client.next(input) {
                Ok(Some(Event::Output { content, .. })) => return Some(content),
                Ok(Some(Event::End { application_status, .. })) => {
                    self.status = Some(application_status);
                }
                Ok(Some(Event::Log { .. })) => {}
                Ok(None) => return None,
                // What cannot be read cuts a response, so that every web server sees it.
                Err(error) => {
                    assert_eq!(error, ClientError::Record(Broken::Version(0)));
                    return None;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.status == Some(0) && self.client.is_idle()
    }
}

suite!(Spoken { backend: &BACKEND, dialect: Once::default });
