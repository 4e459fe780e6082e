//! The body of a request, as it comes out of httpd's input filters.
#![allow(unsafe_code, reason = "brigades are structures of C")]

use std::{marker::PhantomData, mem::MaybeUninit, ptr};

use super::{Request, brigade};
use crate::ffi;

/// Why a body cannot be read, or a response not be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// The client has gone, or has its answer already.
    Gone,
    /// The body is larger than `LimitRequestBody`.
    TooLarge,
    /// It is framed against the rules.
    Malformed,
    /// The client took longer than `Timeout` or `RequestReadTimeout`.
    TimedOut,
    /// A filter has failed.
    Failed,
}

/// What a client says of the body of its request, before it is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Announced {
    /// There is none.
    None,
    /// There may be one.
    Some,
    /// It is larger than `LimitRequestBody`: 413.
    TooMuch,
}

/// The body of a request.
///
/// `100 Continue` is sent by the first read, chunks are undone, `LimitRequestBody` and the timeouts are
/// kept, all of it by httpd's own filters.
#[derive(Debug)]
pub(crate) struct Incoming<'r> {
    raw: *mut ffi::request_rec,
    brigade: *mut ffi::apr_bucket_brigade,
    /// Whether a filter has given more than it was asked for, which is still in the brigade.
    more: bool,
    ended: bool,
    lifetime: PhantomData<&'r ()>,
}

/// How often a filter may give nothing at all.
const PATIENCE: u32 = 32;

impl<'r> Incoming<'r> {
    /// The body of `request`, from its beginning or from where somebody else has stopped.
    pub(crate) fn new(request: &Request<'r>) -> Self {
        Self {
            raw: request.as_ptr(),
            brigade: ptr::null_mut(),
            more: false,
            ended: false,
            lifetime: PhantomData,
        }
    }

    /// Reads at least one byte and at most as many as there is room for; 0 at the end.
    ///
    /// # Errors
    /// What has come of the client; nothing more can be read then, and the connection is closed after
    /// the response.
    pub(crate) fn read(&mut self, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Trouble> {
        if buffer.is_empty() {
            return Ok(0);
        }
        for _ in 0..PATIENCE {
            if let Some(count) = self.once(buffer, ffi::apr_read_type_e_APR_BLOCK_READ)? {
                return Ok(count);
            }
        }
        Err(self.fail(Trouble::Failed))
    }

    /// Reads what has arrived, as `read` does, without waiting for more; `None` where nothing has.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) fn read_arrived(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Trouble> {
        // SAFETY: bytes that have been written may be written again; nothing else is done to them.
        let buffer = unsafe { &mut *(ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
        self.once(buffer, ffi::apr_read_type_e_APR_NONBLOCK_READ)
    }

    /// Asks the filters once, unless there is something left; `None` where they give nothing.
    fn once(
        &mut self,
        buffer: &mut [MaybeUninit<u8>],
        how: ffi::apr_read_type_e,
    ) -> Result<Option<usize>, Trouble> {
        if self.ended && !self.more {
            return Ok(Some(0));
        }
        if !self.more && !self.fetch(buffer.len(), how)? {
            return Ok(None);
        }
        match self.take(buffer)? {
            0 if self.ended => Ok(Some(0)),
            0 => Ok(None),
            count => Ok(Some(count)),
        }
    }

    /// Has the filters give up to `most` bytes; false where they would have to wait for them.
    fn fetch(&mut self, most: usize, how: ffi::apr_read_type_e) -> Result<bool, Trouble> {
        let most = ffi::apr_off_t::try_from(most).unwrap_or(ffi::apr_off_t::MAX);
        // SAFETY: the request and its connection live; a brigade that is made ends with the request.
        let status = unsafe {
            let request = &*self.raw;
            if self.brigade.is_null() {
                self.brigade =
                    ffi::apr_brigade_create(request.pool, (*request.connection).bucket_alloc);
            }
            ffi::ap_get_brigade(
                request.input_filters,
                self.brigade,
                ffi::ap_input_mode_t_AP_MODE_READBYTES,
                how,
                most,
            )
        };
        if status == libc::EAGAIN && how == ffi::apr_read_type_e_APR_NONBLOCK_READ {
            return Ok(false);
        }
        if status != 0 {
            return Err(self.fail(trouble(status)));
        }
        // SAFETY: the brigade is a valid ring.
        self.ended = unsafe { brigade::ends(self.brigade) };
        Ok(true)
    }

    /// Moves bytes out of the brigade.
    fn take(&mut self, buffer: &mut [MaybeUninit<u8>]) -> Result<usize, Trouble> {
        let mut count = buffer.len();
        // SAFETY: the brigade is one of ours; at most `count` bytes are written, of the buffer.
        let status = unsafe {
            ffi::apr_brigade_flatten(self.brigade, buffer.as_mut_ptr().cast(), &raw mut count)
        };
        if status != 0 {
            return Err(self.fail(trouble(status)));
        }
        // SAFETY: as above; the first `count` bytes have been read, so they can be split off.
        self.more = unsafe { brigade::drop_front(self.brigade, count) };
        Ok(count)
    }

    /// After this, the connection cannot carry another request.
    fn fail(&mut self, trouble: Trouble) -> Trouble {
        self.ended = true;
        self.more = false;
        // SAFETY: the connection lives longer than its request.
        unsafe { (*(*self.raw).connection).keepalive = ffi::ap_conn_keepalive_e_AP_CONN_CLOSE };
        trouble
    }
}

impl Request<'_> {
    /// What the client says of the body.
    pub(crate) fn body(&self) -> Announced {
        let fields = self.headers_in();
        // Who is asked to make an error document is given none: the request that failed had it.
        if self.is_of_error() {
            return Announced::None;
        }
        if fields.known(c"Transfer-Encoding").is_some() {
            return Announced::Some;
        }
        match fields.known(c"Content-Length") {
            None | Some(b"0") => Announced::None,
            Some(length) if self.allows(length) => Announced::Some,
            Some(_) => Announced::TooMuch,
        }
    }

    /// Whether `LimitRequestBody` does.
    fn allows(&self, length: &[u8]) -> bool {
        // SAFETY: the request lives.
        let limit = unsafe { ffi::ap_get_limit_req_body(self.as_ptr()) };
        let length = std::str::from_utf8(length).ok().and_then(|length| length.parse::<i64>().ok());
        limit <= 0 || length.is_some_and(|length| length <= limit)
    }

    /// Whether somebody has given the whole of a response.
    pub(crate) fn is_answered(&self) -> bool {
        self.record().eos_sent != 0
    }

    /// Whether this is an internal redirect to what `ErrorDocument` says.
    pub(crate) fn is_of_error(&self) -> bool {
        self.previous().is_some() && self.record().status != 200
    }
}

/// What a status of httpd's filters means.
pub(super) fn trouble(status: ffi::apr_status_t) -> Trouble {
    const TIMED_OUT: i32 = ffi::APR_TIMEUP.cast_signed();
    const ENDED: i32 = ffi::APR_EOF.cast_signed();
    const INCOMPLETE: i32 = ffi::APR_INCOMPLETE.cast_signed();
    match status {
        libc::ENOSPC => Trouble::TooLarge,
        TIMED_OUT | libc::ETIMEDOUT => Trouble::TimedOut,
        // With the last, the filter has answered the request itself: nobody waits for another answer.
        ENDED
        | INCOMPLETE
        | libc::ECONNRESET
        | libc::ECONNABORTED
        | libc::EPIPE
        | ffi::AP_FILTER_ERROR => Trouble::Gone,
        _ => Trouble::Malformed,
    }
}
