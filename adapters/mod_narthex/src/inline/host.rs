//! What the engine can ask of httpd: the functions of its table, over the request of an httpd thread.
#![allow(unsafe_code, reason = "the engine calls functions of C")]

use std::{mem::MaybeUninit, os::fd::BorrowedFd, slice, sync::OnceLock};

use narthex_abi::{self as abi, Context, Host, List, Matter, Pair, Sink, Status, Text};

use super::matters;
use crate::auth::Unseen;
use crate::httpd::{
    Incoming, Level, Lookout, Outgoing, Request, Server, Trouble, callback::callbacks, facts,
};

/// A request while the engine has it. What is called [`Context`] is a pointer to one.
#[derive(Debug)]
pub(super) struct Carried<'r> {
    pub(super) request: Request<'r>,
    pub(super) incoming: Incoming<'r>,
    pub(super) outgoing: Outgoing<'r>,
    pub(super) lookout: Lookout,
    /// The path that is to answer instead.
    pub(super) redirect: Option<Vec<u8>>,
    /// The response, if it is not the client's.
    pub(super) unseen: Option<Unseen>,
}

impl<'r> Carried<'r> {
    /// `request`, of which nothing has been read.
    pub(super) fn new(request: &Request<'r>) -> Self {
        Self {
            request: request.again(),
            incoming: Incoming::new(request),
            outgoing: Outgoing::new(request),
            lookout: Lookout::default(),
            redirect: None,
            unseen: None,
        }
    }
}

/// The table that the engine is given.
pub(super) fn table() -> &'static Host {
    static TABLE: OnceLock<Host> = OnceLock::new();
    TABLE.get_or_init(|| Host {
        software: Text::new(facts::software()),
        threaded: facts::is_threaded(),
        forked: facts::is_forked(),
        read,
        start,
        write,
        send_file,
        finish,
        departed,
        log,
        ask,
        tell,
    })
}

/// The request behind a context.
///
/// # Safety
/// The context is one that is being answered, and nobody else uses it.
unsafe fn carried<'a>(context: Context) -> &'a mut Carried<'a> {
    // SAFETY: promised by the caller.
    unsafe { &mut *context.cast() }
}

fn status(result: Result<(), Trouble>) -> Status {
    match result {
        Ok(()) => Status::DONE,
        Err(Trouble::Gone) => Status::DISCONNECTED,
        Err(Trouble::TooLarge) => Status::TOO_LARGE,
        Err(Trouble::Malformed) => Status::MALFORMED,
        Err(Trouble::TimedOut) => Status::TIMED_OUT,
        Err(Trouble::Failed) => Status::FAILED,
    }
}

callbacks! {
    fn read(context: Context, buffer: *mut u8, size: usize, count: *mut usize) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says of the context, and the buffer has `size` bytes.
        let (carried, buffer) = unsafe {
            (carried(context), slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), size))
        };
        status(carried.incoming.read(buffer).map(|read| {
            // SAFETY: the engine keeps a place for it.
            unsafe { *count = read };
        }))
    }

    fn start(context: Context, code: u16, reason: Text<'_>, fields: List<'_, Pair<'_>>) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says.
        let carried = unsafe { carried(context) };
        let fields = fields.values().iter().map(|field| (field.name.bytes(), field.value.bytes()));
        if let Some(unseen) = &mut carried.unseen {
            unseen.start(code, fields);
            return Status::DONE;
        }
        if carried.outgoing.is_started() {
            return Status::FAILED;
        }
        status(carried.outgoing.start(code, reason.bytes(), fields))
    }

    fn write(context: Context, piece: Text<'_>, flush: bool) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says.
        let carried = unsafe { carried(context) };
        if carried.unseen.is_some() {
            return Status::DONE;
        }
        status(carried.outgoing.write(piece.bytes(), flush))
    }

    fn send_file(context: Context, descriptor: i32, offset: u64, length: u64, sent: *mut u64) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says; the descriptor is open during the call.
        let (carried, file) = unsafe { (carried(context), BorrowedFd::borrow_raw(descriptor)) };
        let result = match carried.unseen {
            Some(_) => Ok(length),
            None => carried.outgoing.send_file(file, offset, length),
        };
        status(result.map(|length| {
            // SAFETY: the engine keeps a place for it.
            unsafe { *sent = length };
        }))
    }

    fn finish(context: Context) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says.
        let carried = unsafe { carried(context) };
        if carried.unseen.is_some() {
            return Status::DONE;
        }
        status(carried.outgoing.finish())
    }

    fn departed(context: Context) -> bool, else false => {
        // SAFETY: as the contract says.
        let carried = unsafe { carried(context) };
        carried.lookout.has_left(&carried.request)
    }

    fn log(context: Context, level: abi::Level, line: Text<'_>) -> (), else () => {
        let level = match level {
            abi::Level::ERROR => Level::Error,
            abi::Level::WARNING => Level::Warning,
            abi::Level::NOTICE => Level::Notice,
            abi::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        if !context.is_null() {
            // SAFETY: as the contract says.
            unsafe { carried(context) }.request.log(level, line.bytes());
        } else if let Some(server) = Server::main() {
            server.log(level, line.bytes());
        }
    }

    fn ask(context: Context, matter: Matter, name: Text<'_>, sink: Sink) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says.
        let carried = unsafe { carried(context) };
        let mut put = |value: &[u8]| {
            // SAFETY: the sink takes what it is given during this call.
            unsafe { (sink.put)(sink.keeper, Text::new(value)) };
        };
        matters::ask(&carried.request, matter, name.bytes(), &mut put)
    }

    fn tell(context: Context, matter: Matter, name: Text<'_>, value: Text<'_>) -> Status, else Status::FAILED => {
        // SAFETY: as the contract says.
        let carried = unsafe { carried(context) };
        matters::tell(carried, matter, name.bytes(), value.bytes())
    }
}
