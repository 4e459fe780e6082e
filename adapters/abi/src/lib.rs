//! What a host that is no Python, such as Apache httpd, and the engine inside a Python tell each other.
//!
//! The host is `mod_narthex.so`. It is linked to no Python; it opens the library of the one that is
//! configured and that Python's engine, the extension module `_narthex`, asks it for
//! [`ENTRY`], and from there on the two know each other by two tables of functions:
//! [`Engine`], which the host calls, and [`Host`], which the engine calls. Both may have been built at
//! different times, by different compilers: everything here is laid out as C does, and any change of
//! it raises [`VERSION`].
//!
//! # Who owns what
//!
//! A [`Text`] is borrowed: it is valid until the call that it was given to returns, and those of a
//! [`Request`] until [`Engine::answer`] returns. Whoever wants to keep it copies it. What one side
//! makes, it alone destroys.
//!
//! # Threads
//!
//! [`Engine::begin`] is called by the first thread of the process. [`Engine::load`] is called one at a
//! time, by any thread: what `.htaccess` names is loaded by its first request. [`Engine::end`] may be
//! called from within a signal handler. [`Engine::answer`] may be called by any number of threads at
//! once, and the functions
//! of [`Host`] that take a [`Context`] are called only by the thread on which that request is answered
//! and before [`Engine::answer`] has returned. [`Host::log`] may be called by any thread without a
//! context.
//!
//! # Panics
//!
//! None crosses: each side catches its own.

use std::{ffi::c_void, fmt, marker::PhantomData, slice};

/// The version of everything in this crate; the two sides must agree.
pub const VERSION: u32 = 1;

/// The name of the engine's [`Entry`] among the symbols of its library.
pub const ENTRY: &std::ffi::CStr = c"narthex_engine";

/// Gives the table of an engine that speaks this `version`; null if it does not, and then
/// `speaks` is set to the one that it does.
pub type Entry = unsafe extern "C" fn(version: u32, speaks: *mut u32) -> *const Engine;

/// Bytes that are borrowed: a pointer and a length. Not terminated, and not necessarily UTF-8.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Text<'a> {
    data: *const u8,
    length: usize,
    lifetime: PhantomData<&'a [u8]>,
}

// SAFETY: it is a shared reference in another shape.
#[expect(unsafe_code, reason = "a borrowed slice in a shape that C knows")]
unsafe impl Send for Text<'_> {}
// SAFETY: it is a shared reference in another shape.
#[expect(unsafe_code, reason = "a borrowed slice in a shape that C knows")]
unsafe impl Sync for Text<'_> {}

impl<'a> Text<'a> {
    /// No bytes.
    pub const EMPTY: Self = Self::new(&[]);

    /// These bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { data: bytes.as_ptr(), length: bytes.len(), lifetime: PhantomData }
    }

    /// The bytes.
    #[must_use]
    #[expect(unsafe_code, reason = "a borrowed slice in a shape that C knows")]
    pub const fn bytes(self) -> &'a [u8] {
        // SAFETY: made from a slice that lives for 'a, here or on the other side of the tables,
        // whose pointer is never null.
        unsafe { slice::from_raw_parts(self.data, self.length) }
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.bytes().escape_ascii())
    }
}

/// Several values, borrowed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct List<'a, T> {
    data: *const T,
    length: usize,
    lifetime: PhantomData<&'a [T]>,
}

impl<'a, T> List<'a, T> {
    /// These values.
    #[must_use]
    pub const fn new(values: &'a [T]) -> Self {
        Self { data: values.as_ptr(), length: values.len(), lifetime: PhantomData }
    }

    /// The values.
    #[must_use]
    #[expect(unsafe_code, reason = "a borrowed slice in a shape that C knows")]
    pub const fn values(&self) -> &'a [T] {
        // SAFETY: as for `Text::bytes`.
        unsafe { slice::from_raw_parts(self.data, self.length) }
    }
}

impl<T: fmt::Debug> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// A field, or a variable.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Pair<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its value.
    pub value: Text<'a>,
}

/// Where a text is put that the caller is to keep: `put` is called with `keeper`, once or not at all.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Sink {
    /// What `put` is called with.
    pub keeper: *mut c_void,
    /// Takes the text.
    pub put: unsafe extern "C" fn(keeper: *mut c_void, text: Text<'_>),
}

/// How a call went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Status(pub i32);

impl Status {
    /// It did what it was to do.
    pub const DONE: Self = Self(0);
    /// It did not, and the log says why, or the [`Sink`] that was given with the call.
    pub const FAILED: Self = Self(1);
    /// The client has gone.
    pub const DISCONNECTED: Self = Self(2);
    /// The body is larger than httpd lets it be (`LimitRequestBody`): 413.
    pub const TOO_LARGE: Self = Self(3);
    /// What the client sent cannot be read: 400.
    pub const MALFORMED: Self = Self(4);
    /// The client took too long: 408.
    pub const TIMED_OUT: Self = Self(5);
    /// There is no such thing here.
    pub const UNKNOWN: Self = Self(6);
}

/// A request of the host's, as the engine hands it back in calls of [`Host`].
pub type Context = *mut c_void;

/// An application of the engine's, as the host hands it back.
pub type Application = *mut c_void;

/// A request, before its body.
///
/// What httpd knows, as it knows it: nothing is decoded or joined but where it says so.
#[derive(Debug)]
#[repr(C)]
pub struct Request<'a> {
    /// The method.
    pub method: Text<'a>,
    /// The target as the client sent it, with its query: `/a%20b?c`, `*`, or a whole URI.
    pub target: Text<'a>,
    /// The version, major times 1000 and minor, as httpd counts: 1.1 is 1001.
    pub protocol: u32,
    /// Whether the client reached the server by TLS.
    pub secure: bool,
    /// How many requests came before this one on its connection.
    pub earlier: u32,
    /// Where the application is mounted: decoded, without a slash at its end.
    pub mount: Text<'a>,
    /// The path below that, decoded (`PATH_INFO`).
    pub path_info: Text<'a>,
    /// The query, without the question mark: that of the target, unless httpd has rewritten it.
    pub query: Text<'a>,
    /// The fields, in the order in which they came, repeated ones repeated.
    pub fields: List<'a, Pair<'a>>,
    /// The variables that modules of httpd have set, such as `SSL_PROTOCOL` and those of `SetEnv`.
    pub variables: List<'a, Pair<'a>>,
    /// The name by which the server was called.
    pub server_name: Text<'a>,
    /// The port that goes with it.
    pub server_port: u16,
    /// The port of the client.
    pub client_port: u16,
    /// The address of the client.
    pub client: Text<'a>,
    /// The user whom httpd has authenticated; empty for none.
    pub user: Text<'a>,
    /// How (`Basic`).
    pub authentication: Text<'a>,
    /// Whether there may be a body.
    pub has_body: bool,
    /// A place for something that lives as long as the connection: null at first, and given to
    /// [`Engine::forget`] at the end of it.
    pub kept: *mut *mut c_void,
}

/// What is asked of or told to the host about a request beside HTTP: [`Host::ask`], [`Host::tell`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Matter(pub u32);

impl Matter {
    /// A note of the request (`r->notes`); may be told.
    pub const NOTE: Self = Self(1);
    /// A variable of the request (`r->subprocess_env`); may be told.
    pub const VARIABLE: Self = Self(2);
    /// The user, without a name; may be told.
    pub const USER: Self = Self(3);
    /// The type of authentication, without a name; may be told.
    pub const AUTHENTICATION: Self = Self(4);
    /// A variable of TLS (`ssl_var_lookup`), such as `SSL_CLIENT_S_DN`.
    pub const TLS: Self = Self(5);
    /// A fact about the virtual host: `name`, `port`, `admin`, `document_root`, `software`,
    /// `built`, `mpm`, `root`, `error_log`.
    pub const SERVER: Self = Self(6);
    /// A fact about the request as httpd sees it: `filename`, `handler`, `uri`, `log_id`, `path_info`.
    pub const REQUEST: Self = Self(7);
    /// What httpd would make of the path that is the name (`ap_sub_req_lookup_uri`): lines of
    /// `key=value`: `status`, `filename`, `content_type`, `handler`, `path_info`, `exists`.
    pub const LOOKUP: Self = Self(8);
    /// Told: the request is answered by the path that is the value (`ap_internal_redirect`), instead of
    /// by a response, none of which has been sent. The last that is told: [`Engine::answer`] returns,
    /// without [`Host::finish`], and then it is done.
    pub const REDIRECT: Self = Self(9);
    /// All names of notes; each is put.
    pub const NOTES: Self = Self(10);
    /// All names of variables; each is put.
    pub const VARIABLES: Self = Self(11);
}

/// Levels of the error log, as httpd counts them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub struct Level(pub i32);

impl Level {
    /// `APLOG_ERR`.
    pub const ERROR: Self = Self(3);
    /// `APLOG_WARNING`.
    pub const WARNING: Self = Self(4);
    /// `APLOG_NOTICE`.
    pub const NOTICE: Self = Self(5);
    /// `APLOG_INFO`.
    pub const INFO: Self = Self(6);
    /// `APLOG_DEBUG`.
    pub const DEBUG: Self = Self(7);
}

/// What the host does for the engine.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Host {
    /// Its name and version, such as `Apache/2.4.71 (Debian)`.
    pub software: Text<'static>,
    /// Whether several threads answer at once in this process.
    pub threaded: bool,
    /// Whether there may be several processes.
    pub forked: bool,
    /// Reads at most `size` bytes of the body into `buffer`; `count` is how many, 0 at its end.
    pub read:
        unsafe extern "C" fn(Context, buffer: *mut u8, size: usize, count: *mut usize) -> Status,
    /// Takes the head of the response. Called once, before `write`. The reason is what is to stand
    /// behind the status, be it the usual one, another or nothing.
    pub start: unsafe extern "C" fn(
        Context,
        status: u16,
        reason: Text<'_>,
        fields: List<'_, Pair<'_>>,
    ) -> Status,
    /// Sends a piece of the body; what is sent with `flush` reaches the client before it returns.
    pub write: unsafe extern "C" fn(Context, piece: Text<'_>, flush: bool) -> Status,
    /// Sends `length` bytes of the file `descriptor` from `offset`; the descriptor stays the
    /// engine's. `sent` is how many there were.
    pub send_file: unsafe extern "C" fn(
        Context,
        descriptor: i32,
        offset: u64,
        length: u64,
        sent: *mut u64,
    ) -> Status,
    /// The response is whole. Without this call, `answer` returning means that it is not, and the
    /// client must be able to tell.
    pub finish: unsafe extern "C" fn(Context) -> Status,
    /// Whether the client is known to have left.
    pub departed: unsafe extern "C" fn(Context) -> bool,
    /// Writes a line to the error log, of 4 KiB at most and without its end; `context` is null outside
    /// of a request.
    pub log: unsafe extern "C" fn(Context, Level, Text<'_>),
    /// Puts what is asked for into the sink; [`Status::UNKNOWN`] if there is no such thing.
    pub ask: unsafe extern "C" fn(Context, Matter, name: Text<'_>, Sink) -> Status,
    /// Changes something; an empty value of a note or variable removes it.
    pub tell: unsafe extern "C" fn(Context, Matter, name: Text<'_>, value: Text<'_>) -> Status,
}

/// How Python is to be begun.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Beginning<'a> {
    /// The interpreter of the environment, such as `/srv/shop/.venv/bin/python`: it is not run, but
    /// says where everything lies.
    pub executable: Text<'a>,
    /// The functions of the host; they stay where they are as long as the process lives.
    pub host: *const Host,
}

/// What the engine does for the host.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Engine {
    /// [`VERSION`].
    pub version: u32,
    /// The version of Narthex.
    pub release: Text<'static>,
    /// Begins Python, once in a process, in a child of httpd only. If that fails, `why` is put.
    pub begin: unsafe extern "C" fn(*const Beginning<'_>, why: Sink) -> Status,
    /// Loads an application: `arguments` are those of the command `narthex serve`, without it. If that
    /// fails, `why` is put, as the user is to see it, and null returned.
    pub load: unsafe extern "C" fn(arguments: List<'_, Text<'_>>, why: Sink) -> Application,
    /// Answers a request, on this thread. When it returns, the response has been given to the host, or
    /// [`Host::finish`] was not called.
    pub answer: unsafe extern "C" fn(Application, Context, *const Request<'_>) -> Status,
    /// Ends what was kept for a connection.
    pub forget: unsafe extern "C" fn(kept: *mut c_void),
    /// Lets applications end what they have begun, for at most `milliseconds`; Python itself is not
    /// ended. Nothing is called afterwards.
    pub end: unsafe extern "C" fn(milliseconds: u64),
}

// SAFETY: the pointers in a table are those of its functions and of texts that never change.
#[expect(unsafe_code, reason = "a table of functions is shared by threads")]
unsafe impl Sync for Engine {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a table of functions is shared by threads")]
unsafe impl Sync for Host {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a table of functions is shared by threads")]
unsafe impl Send for Host {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_lists_come_back_as_they_went() {
        assert_eq!(Text::new(b"abc").bytes(), b"abc");
        assert_eq!(Text::EMPTY.bytes(), b"");
        let pairs = [Pair { name: Text::new(b"a"), value: Text::new(b"b") }];
        assert_eq!(List::new(&pairs).values()[0].value.bytes(), b"b");
        assert!(List::<Pair<'_>>::new(&[]).values().is_empty());
    }
}
