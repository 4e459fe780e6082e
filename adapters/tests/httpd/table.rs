//! The functions of the host in miniature.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    net::{Shutdown, TcpStream},
    os::{
        fd::{BorrowedFd, RawFd},
        unix::fs::FileExt,
    },
    slice,
};

use narthex_abi::{Context, Host, Level, List, Matter, Pair, Sink, Status, Text};

/// What it can do.
pub(crate) static HOST: Host = Host {
    software: Text::new(b"miniature/1"),
    threaded: true,
    forked: false,
    read,
    start,
    write,
    send_file,
    finish,
    departed,
    log,
    ask,
    tell,
};

/// A request that is being answered.
pub(crate) struct Answering {
    stream: TcpStream,
    /// What is to come of the body.
    left: u64,
}

impl Answering {
    pub(crate) fn new(stream: TcpStream, left: u64) -> Self {
        Self { stream, left }
    }

    /// Ends the connection, whoever else still has it.
    pub(crate) fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Both); // the client may have done it
    }

    fn send(&mut self, piece: &[u8]) -> Status {
        match super::send(&mut self.stream, piece) {
            Ok(()) => Status::DONE,
            Err(_) => Status::DISCONNECTED,
        }
    }
}

/// The request behind a context.
///
/// # Safety
/// It is one, and nobody else uses it.
unsafe fn answering<'a>(context: Context) -> &'a mut Answering {
    // SAFETY: promised by the caller.
    unsafe { &mut *context.cast() }
}

unsafe extern "C" fn read(
    context: Context,
    buffer: *mut u8,
    size: usize,
    count: *mut usize,
) -> Status {
    // SAFETY: the engine calls with its own buffer and one of our contexts, one thread at a time.
    let (request, buffer, count) =
        unsafe { (answering(context), slice::from_raw_parts_mut(buffer, size), &mut *count) };
    let most = usize::try_from(request.left).map_or(size, |left| left.min(size));
    if most == 0 {
        *count = 0;
        return Status::DONE;
    }
    match request.stream.read(&mut buffer[..most]) {
        Ok(0) => Status::DISCONNECTED,
        Ok(read) => {
            request.left -= read as u64;
            *count = read;
            Status::DONE
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Status::TIMED_OUT,
        Err(_) => Status::DISCONNECTED,
    }
}

unsafe extern "C" fn start(
    context: Context,
    status: u16,
    reason: Text<'_>,
    fields: List<'_, Pair<'_>>,
) -> Status {
    let mut head = format!("Status: {status} ").into_bytes();
    head.extend_from_slice(reason.bytes());
    head.extend_from_slice(b"\r\n");
    for Pair { name, value } in fields.values() {
        head.extend_from_slice(&[name.bytes(), b": ", value.bytes(), b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    // SAFETY: as above.
    unsafe { answering(context) }.send(&head)
}

unsafe extern "C" fn write(context: Context, piece: Text<'_>, _flush: bool) -> Status {
    assert!(!piece.bytes().is_empty(), "nothing is written");
    // SAFETY: as above.
    unsafe { answering(context) }.send(piece.bytes())
}

unsafe extern "C" fn send_file(
    context: Context,
    descriptor: RawFd,
    offset: u64,
    length: u64,
    sent: *mut u64,
) -> Status {
    // SAFETY: as above; the descriptor is open during the call.
    let (request, file, sent) =
        unsafe { (answering(context), BorrowedFd::borrow_raw(descriptor), &mut *sent) };
    let file = File::from(file.try_clone_to_owned().expect("a descriptor more"));
    *sent = 0;
    let mut buffer = [0; 8192];
    while *sent < length {
        let most = usize::try_from(length - *sent).map_or(buffer.len(), |it| it.min(buffer.len()));
        match file.read_at(&mut buffer[..most], offset + *sent) {
            Ok(0) => break,
            Ok(count) => {
                let status = request.send(&buffer[..count]);
                if status != Status::DONE {
                    return status;
                }
                *sent += count as u64;
            }
            Err(_) => return Status::FAILED,
        }
    }
    Status::DONE
}

unsafe extern "C" fn finish(context: Context) -> Status {
    // SAFETY: as above.
    unsafe { answering(context) }.send(b"")
}

unsafe extern "C" fn departed(context: Context) -> bool {
    // SAFETY: as above.
    matches!(unsafe { answering(context) }.stream.peek(&mut [0]), Ok(0))
}

unsafe extern "C" fn log(_context: Context, _level: Level, _line: Text<'_>) {}

unsafe extern "C" fn ask(_: Context, _: Matter, _name: Text<'_>, _sink: Sink) -> Status {
    Status::UNKNOWN
}

unsafe extern "C" fn tell(_: Context, _: Matter, _name: Text<'_>, _value: Text<'_>) -> Status {
    Status::UNKNOWN
}
