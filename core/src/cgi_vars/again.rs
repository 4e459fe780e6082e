//! The request before: what a web server says of the next one on a connection is often nearly the
//! same.

use bytes::Bytes;

use super::{
    Packed,
    incoming::{RequestHeads, endpoint},
    names::Known,
};
use crate::{Connection, RequestHead, Result};

/// Variables of more bytes than this are not remembered: a connection may be idle for long. They
/// are there twice, to be compared and in the head.
const MOST: usize = 2 * 1024;

/// After so many requests in a row that are not like the one before, none is remembered.
const PATIENCE: u8 = 4;

/// So many requests are not.
const REST: u8 = 100;

/// What is remembered of a connection's last request.
#[derive(Debug)]
pub(super) struct Memory {
    last: Option<Last>,
    patience: u8,
    /// Requests that are still not to be remembered: most connections that bring one bring no
    /// other.
    rest: u8,
}

#[derive(Debug)]
struct Last {
    number: u64,
    packed: Packed,
    /// Unless its request is still running.
    head: Option<Box<RequestHead>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { last: None, patience: PATIENCE, rest: 1 }
    }
}

impl Memory {
    /// Whether a request of that size, unlike the last one, is to be remembered.
    fn wants(&mut self, size: usize, disappointed: bool) -> bool {
        if disappointed {
            self.patience -= 1;
            if self.patience == 0 {
                (self.patience, self.rest) = (PATIENCE, REST);
            }
        }
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        size <= MOST
    }
}

impl RequestHeads {
    /// Builds the head of the next request, whose `number` no other request has: of that before,
    /// where they are nearly the same and it has been [given back](Self::give_back).
    ///
    /// # Errors
    /// As [`head`](Self::head).
    pub fn next(&mut self, number: u64, packed: Packed) -> Result<Box<RequestHead>> {
        let last = self.memory.last.take();
        let disappointed = last.is_some();
        if let Some(Last { packed: before, head: Some(mut head), .. }) = last
            && packed.size() <= MOST
            && self.follow(&mut head, &before, &packed)
        {
            self.memory.patience = PATIENCE;
            self.memory.last = Some(Last { number, packed, head: None });
            return Ok(head);
        }
        if !self.memory.wants(packed.size(), disappointed) {
            return self.head(packed).map(Box::new);
        }
        // Of a copy that has room for nothing else.
        let head = self.head(packed.clone())?;
        self.memory.last = Some(Last { number, packed, head: None });
        Ok(Box::new(head))
    }

    /// Takes back the head of the request of that number, which has ended. Nothing of it may have
    /// been changed but its arrival and its connection.
    pub fn give_back(&mut self, number: u64, head: Box<RequestHead>) {
        if let Some(last) = &mut self.memory.last
            && last.number == number
            && std::sync::Arc::ptr_eq(&head.connection, &self.connection)
        {
            last.head = Some(head);
        }
    }

    /// Makes of `head`, whose variables are `before`, that of the request whose variables are
    /// `packed`; `false` when more differs than can be followed, and nothing can be said of `head`.
    fn follow(&mut self, head: &mut RequestHead, before: &Packed, packed: &Packed) -> bool {
        let Some(gateway) = head.gateway.as_deref_mut() else { return false };
        let variables = &mut gateway.variables;
        let mut moved = false;
        let followed = before.compare(packed, |name, value| {
            moved |= match Known::of(name) {
                None => false,
                Some(Known::RemoteAddr | Known::RemotePort) => true,
                Some(_) => return false,
            };
            // Fields are not among them.
            let mut named = variables.iter_mut().filter(|(known, _)| *known == name);
            let (Some((_, known)), None) = (named.next(), named.next()) else { return false };
            *known = Bytes::copy_from_slice(value);
            true
        });
        if followed && moved {
            let [host, port] = [&b"REMOTE_ADDR"[..], b"REMOTE_PORT"].map(|name| {
                let named = variables.iter().find(|(known, _)| *known == name);
                named.map(|(_, value)| value).filter(|value| !value.is_empty())
            });
            let client = endpoint(host, port);
            let Connection { scheme, server, mount, .. } = &*head.connection;
            let (scheme, server, mount) = (*scheme, server.clone(), mount.clone());
            head.connection = self.connection(scheme, client, server, &mount);
        }
        followed
    }
}

#[cfg(test)]
mod tests;
