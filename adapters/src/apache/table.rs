//! The functions of the host, as safe calls.
#![expect(unsafe_code, reason = "tables of functions, shared with a module built elsewhere")]

use std::{
    ffi::c_void,
    fmt,
    fs::File,
    mem,
    os::fd::AsRawFd,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

use bytes::Bytes;
use http::StatusCode;
use narthex_abi::{Context, Host, Level, List, Matter, Pair, Request, Sink, Status, Text};
use narthex_core::{Error, ResponseHead, Result};

use super::head::Kept;

/// More fields than this are put together on the heap.
const FEW: usize = 24;

/// The functions of the host.
#[derive(Clone, Copy)]
pub struct Table(&'static Host);

impl Table {
    /// The host whose table this is.
    ///
    /// # Safety
    /// The table stays where it is as long as the process lives, and its functions do what
    /// [`Host`] says.
    #[must_use]
    pub unsafe fn new(host: *const Host) -> Self {
        // SAFETY: promised by the caller.
        Self(unsafe { &*host })
    }

    /// Its name and version.
    #[must_use]
    pub fn software(self) -> &'static [u8] {
        self.0.software.bytes()
    }

    /// Whether several threads answer at once in this process.
    #[must_use]
    pub fn threaded(self) -> bool {
        self.0.threaded
    }

    /// Whether there may be several processes.
    #[must_use]
    pub fn forked(self) -> bool {
        self.0.forked
    }

    /// Writes a line to the error log, outside of a request.
    pub fn log(self, level: Level, line: &[u8]) {
        // SAFETY: without a context any thread may call it.
        unsafe { (self.0.log)(ptr::null_mut(), level, Text::new(line)) };
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.software().escape_ascii())
    }
}

/// A request of the host's, for as long as it is answered.
///
/// One thread at a time calls the host about it: so says the lock in [`Line`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    table: Table,
    context: Context,
}

impl Call {
    /// The request behind `context`.
    ///
    /// # Safety
    /// It is the host's, and what is returned is used by one thread at a time, before
    /// [`Engine::answer`](narthex_abi::Engine::answer) returns.
    pub(super) unsafe fn new(table: Table, context: Context) -> Self {
        Self { table, context }
    }

    /// Reads a piece of the body of at most `size` bytes; `None` at its end.
    pub(super) fn read(self, size: usize) -> Result<Option<Bytes>> {
        let mut buffer = vec![0; size];
        let mut count = 0;
        // SAFETY: the context is that of a request that is being answered; the buffer has `size`
        // bytes, and both pointers are good for the call.
        let status =
            unsafe { (self.table.0.read)(self.context, buffer.as_mut_ptr(), size, &raw mut count) };
        done(status)?;
        buffer.truncate(count);
        if buffer.capacity() > 2 * buffer.len() {
            buffer.shrink_to_fit();
        }
        Ok((!buffer.is_empty()).then(|| buffer.into()))
    }

    /// Sends the head of the response.
    pub(super) fn start(self, head: &ResponseHead) -> Result<()> {
        let fields = head.headers.iter().map(|(name, value)| Pair {
            name: Text::new(name.as_str().as_bytes()),
            value: Text::new(value.as_bytes()),
        });
        if head.headers.len() > FEW {
            return self.start_with(head, &fields.collect::<Vec<_>>());
        }
        let mut few = [Pair { name: Text::EMPTY, value: Text::EMPTY }; FEW];
        let mut count = 0;
        for (place, field) in few.iter_mut().zip(fields) {
            *place = field;
            count += 1;
        }
        self.start_with(head, &few[..count])
    }

    fn start_with(self, head: &ResponseHead, fields: &[Pair<'_>]) -> Result<()> {
        let (status, reason) = (head.status.as_u16(), Text::new(head.reason()));
        // SAFETY: as above; what is borrowed outlives the call.
        done(unsafe { (self.table.0.start)(self.context, status, reason, List::new(fields)) })
    }

    /// Sends a piece of the body.
    pub(super) fn write(self, piece: &[u8], flush: bool) -> Result<()> {
        // SAFETY: as above.
        done(unsafe { (self.table.0.write)(self.context, Text::new(piece), flush) })
    }

    /// Sends a part of a file; says how much of it there was.
    pub(super) fn send_file(self, file: &File, offset: u64, length: u64) -> Result<u64> {
        let mut sent = 0;
        let descriptor = file.as_raw_fd();
        let send_file = self.table.0.send_file;
        // SAFETY: as above; the descriptor is open during the call.
        done(unsafe { send_file(self.context, descriptor, offset, length, &raw mut sent) })?;
        Ok(sent)
    }

    /// Sends a whole response.
    pub(super) fn respond(self, head: &ResponseHead, body: &[u8]) -> Result<()> {
        self.start(head)?;
        if !body.is_empty() {
            self.write(body, false)?;
        }
        self.finish()
    }

    /// Says that the response is whole.
    pub(super) fn finish(self) -> Result<()> {
        // SAFETY: as above.
        done(unsafe { (self.table.0.finish)(self.context) })
    }

    /// Whether the client is known to have left.
    pub(super) fn departed(self) -> bool {
        // SAFETY: as above.
        unsafe { (self.table.0.departed)(self.context) }
    }

    /// Writes a line about the request to the error log.
    pub(super) fn log(self, level: Level, line: &[u8]) {
        // SAFETY: as above.
        unsafe { (self.table.0.log)(self.context, level, Text::new(line)) };
    }

    /// Hands what is asked for to `take`, as often as there is something; says whether there is
    /// such a thing.
    pub(super) fn ask(self, matter: Matter, name: &[u8], take: &mut dyn FnMut(&[u8])) -> Status {
        unsafe extern "C" fn put(keeper: *mut c_void, text: Text<'_>) {
            // SAFETY: it is the reference below, which nobody else uses during the call.
            let take = unsafe { &mut *keeper.cast::<&mut dyn FnMut(&[u8])>() };
            take(text.bytes());
        }
        let mut take = take;
        let sink = Sink { keeper: (&raw mut take).cast(), put };
        // SAFETY: as above; the sink is good for the call.
        unsafe { (self.table.0.ask)(self.context, matter, Text::new(name), sink) }
    }

    /// Changes something.
    pub(super) fn tell(self, matter: Matter, name: &[u8], value: &[u8]) -> Status {
        // SAFETY: as above.
        unsafe { (self.table.0.tell)(self.context, matter, Text::new(name), Text::new(value)) }
    }
}

fn done(status: Status) -> Result<()> {
    Err(match status {
        Status::DONE => return Ok(()),
        Status::DISCONNECTED => Error::Disconnected,
        Status::TOO_LARGE => Error::BODY_TOO_LARGE,
        Status::MALFORMED => Error::bad_request("a request body that cannot be read"),
        Status::TIMED_OUT => {
            Error::Refused(StatusCode::REQUEST_TIMEOUT, "the request body takes too long")
        }
        _ => Error::internal("httpd cannot go on with the request; its log says why"),
    })
}

/// A request that may still be in the hands of its application, on whatever thread, when it has been
/// answered: nobody reaches the host then.
#[derive(Debug)]
pub(super) struct Line(Mutex<Option<Call>>);

// SAFETY: the lock lets one thread at a time use what is behind it.
unsafe impl Send for Line {}
// SAFETY: as above.
unsafe impl Sync for Line {}

impl Line {
    pub(super) fn new(call: Call) -> Self {
        Self(Mutex::new(Some(call)))
    }

    /// Has `talk` talk to the host.
    pub(super) fn with<T>(&self, talk: impl FnOnce(Call) -> Result<T>) -> Result<T> {
        // Locked until it has talked.
        let call = self.lock();
        match *call {
            Some(call) => talk(call),
            None => Err(Error::application("the request has been answered")),
        }
    }

    /// The same, unless another thread does so at this moment; says whether it was done.
    pub(super) fn try_with(&self, talk: impl FnOnce(Call)) -> bool {
        let call = match self.0.try_lock() {
            Ok(call) => call,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        call.map(talk).is_some()
    }

    /// Nobody reaches the host from now on.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection where something is kept for the next request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(*mut *mut c_void);

impl Place {
    /// That of `request`.
    ///
    /// # Safety
    /// Only this module puts anything there, and nobody else uses it while the request is answered.
    pub(super) unsafe fn of(request: &Request<'_>) -> Self {
        Self(request.kept)
    }

    /// Takes what is there.
    pub(super) fn take(self) -> Option<Box<Kept>> {
        // SAFETY: the place is good while the request is answered; what was put there came from a
        // box, and is given out once.
        unsafe {
            let kept = mem::replace(&mut *self.0, ptr::null_mut());
            (!kept.is_null()).then(|| Box::from_raw(kept.cast()))
        }
    }

    /// Puts something there, in place of what a request within this one may have left.
    pub(super) fn put(self, kept: Box<Kept>) {
        drop(self.take());
        // SAFETY: as above.
        unsafe { *self.0 = Box::into_raw(kept).cast() };
    }
}

/// Drops what was kept for a connection.
///
/// # Safety
/// A request has left it in its [`kept`](Request::kept), and it is given once.
pub unsafe fn forget(kept: *mut c_void) {
    // SAFETY: promised by the caller.
    drop(unsafe { Box::from_raw(kept.cast::<Kept>()) });
}
