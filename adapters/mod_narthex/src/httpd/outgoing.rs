//! A response, as it goes into httpd's output filters.
#![allow(unsafe_code, reason = "brigades and requests are structures of C")]

use std::{
    ffi::{c_char, c_int},
    fs::File,
    marker::PhantomData,
    os::{
        fd::{AsRawFd, BorrowedFd, IntoRawFd},
        unix::fs::FileExt,
    },
    ptr,
};

use super::{Request, brigade, incoming::Trouble, socket::reset_at_close};
use crate::ffi;

/// Pieces up to this are held back until there are more of them, a flush, or the end, so that a small
/// response goes through the filters once. httpd's own buckets have this size.
const HELD: usize = ffi::APR_BUCKET_BUFF_SIZE as usize;
/// How much of a file is read at a time where it cannot be left to the system.
const READ: usize = 64 * 1024;
/// What an error bucket says of a response that was cut: no last chunk is written then.
const CUT: c_int = 502;

/// A response: its head, pieces, and its end.
#[derive(Debug)]
pub(crate) struct Outgoing<'r> {
    raw: *mut ffi::request_rec,
    brigade: *mut ffi::apr_bucket_brigade,
    /// How many bytes are held back in the brigade.
    held: usize,
    state: State,
    lifetime: PhantomData<&'r ()>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// There is no head.
    Nothing,
    /// There is one.
    Started,
    /// It is whole, or was cut.
    Ended,
}

impl<'r> Outgoing<'r> {
    /// The response to `request`.
    pub(crate) fn new(request: &Request<'r>) -> Self {
        Self {
            raw: request.as_ptr(),
            brigade: ptr::null_mut(),
            held: 0,
            state: State::Nothing,
            lifetime: PhantomData,
        }
    }

    /// Whether the head has been given.
    pub(crate) fn is_started(&self) -> bool {
        self.state != State::Nothing
    }

    /// Whether the response is whole.
    pub(crate) fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes the head. Nothing of it leaves before there is a piece of the body, or the end.
    ///
    /// # Errors
    /// The client has another answer already: that of a filter that could not read its body.
    pub(crate) fn start<'f>(
        &mut self,
        status: u16,
        reason: &[u8],
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), Trouble> {
        // SAFETY: the request lives, and is this thread's.
        let request = unsafe { &mut *self.raw };
        if request.eos_sent != 0 {
            return Err(Trouble::Gone);
        }
        self.state = State::Started;
        // An error document that succeeds is still one of an error.
        let kept = !request.prev.is_null() && request.status != 200 && status == 200;
        if !kept {
            request.status = c_int::from(status);
            request.status_line = self.status_line(status, reason);
        }
        // What mod_mime thinks of the name of a file says nothing of what an application makes.
        request.content_type = ptr::null();
        request.content_encoding = ptr::null();
        request.content_languages = ptr::null_mut();
        for (name, value) in fields {
            self.field(name, value);
        }
        if status == 200 {
            self.leave_ranges();
        }
        Ok(())
    }

    /// The status line, null for httpd's own.
    fn status_line(&self, status: u16, reason: &[u8]) -> *const c_char {
        if status == 200 && reason == b"OK" {
            return ptr::null();
        }
        let line = [status.to_string().as_bytes(), b" ", reason].concat();
        self.copy(&line)
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        let copy = self.copy(value);
        // SAFETY: the request lives, and all strings end in a NUL and live as long.
        unsafe {
            if name.eq_ignore_ascii_case(b"content-type") {
                ffi::ap_set_content_type(self.raw, copy);
                return;
            }
            if name.eq_ignore_ascii_case(b"content-length") {
                (*self.raw).clength = libc::atoll(copy);
            }
            ffi::apr_table_addn((*self.raw).headers_out, self.copy(name), copy);
        }
    }

    /// A copy in the pool of the request, which ends in a NUL.
    fn copy(&self, bytes: &[u8]) -> *const c_char {
        // SAFETY: the pool lives as long as the request.
        unsafe { ffi::apr_pstrmemdup((*self.raw).pool, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Has httpd not make ranges out of what the application gives whole: it was asked for them itself.
    fn leave_ranges(&self) {
        // SAFETY: the request lives; the names end in a NUL.
        unsafe {
            if !ffi::apr_table_get((*self.raw).headers_in, c"Range".as_ptr()).is_null() {
                let filters = (*self.raw).output_filters;
                ffi::ap_remove_output_filter_byhandle(filters, c"byterange".as_ptr());
            }
        }
    }

    /// Sends a piece of the body; with `flush`, it has left httpd when this returns.
    ///
    /// # Errors
    /// The client has gone, or a filter has failed.
    pub(crate) fn write(&mut self, piece: &[u8], flush: bool) -> Result<(), Trouble> {
        let hold = !flush && self.held + piece.len() <= HELD;
        // SAFETY: the brigade is ours. What is held back is copied; what is not, lives until the
        // filters have taken it, since whatever they keep longer they copy, as it is transient.
        unsafe {
            let (start, length) = (piece.as_ptr().cast(), piece.len());
            let (brigade, list) = (self.brigade(), self.list());
            if hold && self.held > 0 {
                ffi::apr_brigade_write(brigade, None, ptr::null_mut(), start, length);
            } else if hold {
                let bucket = ffi::apr_bucket_heap_create(start, length, None, list);
                brigade::append(brigade, bucket);
            } else if !piece.is_empty() {
                brigade::append(brigade, ffi::apr_bucket_transient_create(start, length, list));
            }
            if flush {
                brigade::append(brigade, ffi::apr_bucket_flush_create(list));
            }
        }
        if hold {
            self.held += piece.len();
            return Ok(());
        }
        self.pass()
    }

    /// Sends `length` bytes of `file` from `offset`, or as many as there are, and says how many.
    ///
    /// # Errors
    /// The client has gone, a filter or reading the file has failed.
    pub(crate) fn send_file(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        length: u64,
    ) -> Result<u64, Trouble> {
        // It may be sent after the application has closed it.
        let file = File::from(file.try_clone_to_owned().map_err(|_| Trouble::Failed)?);
        let size = file.metadata().map_err(|_| Trouble::Failed)?.len();
        let length = length.min(size.saturating_sub(offset));
        if length == 0 {
            return Ok(0);
        }
        if self.may_send_files() {
            self.pass_file(file, offset, length)?;
        } else {
            self.pass_parts(&file, offset, length)?;
        }
        Ok(length)
    }

    /// Whether the system may move files to the connection: not where filters must see the bytes, nor
    /// where `EnableSendfile Off` is written, which is said of file systems that it does not work on.
    fn may_send_files(&self) -> bool {
        const OFF: u32 = 0;
        // SAFETY: the request lives, and httpd's core has its settings in each; the scheme is null or a
        // string.
        unsafe {
            let settings = ffi::ap_get_core_module_config((*self.raw).per_dir_config);
            let settings = settings.cast::<ffi::core_dir_config>().as_ref();
            settings.is_some_and(|settings| settings.enable_sendfile() != OFF)
                && ffi::ap_run_http_scheme(self.raw)
                    .as_ref()
                    .is_some_and(|scheme| std::ffi::CStr::from_ptr(scheme) == c"http")
        }
    }

    /// Passes a file as such. It is closed with the request.
    fn pass_file(&mut self, file: File, offset: u64, length: u64) -> Result<(), Trouble> {
        let start = ffi::apr_off_t::try_from(offset).map_err(|_| Trouble::Failed)?;
        let length = ffi::apr_off_t::try_from(length).map_err(|_| Trouble::Failed)?;
        let flags = ffi::APR_FOPEN_READ | ffi::APR_SENDFILE_ENABLED;
        let mut descriptor = file.as_raw_fd();
        let mut opened = ptr::null_mut();
        // SAFETY: the request lives; the descriptor is open, and closed by the pool's end only.
        unsafe {
            let pool = (*self.raw).pool;
            ffi::apr_os_file_put(&raw mut opened, &raw mut descriptor, flags.cast_signed(), pool);
            // From here on the pool closes it.
            close_with(pool, file.into_raw_fd());
            let brigade = self.brigade();
            let bucket = ffi::apr_brigade_insert_file(brigade, opened, start, length, pool);
            // A mapped file that is cut short meanwhile would end the process by SIGBUS.
            ffi::apr_bucket_file_enable_mmap(bucket, 0);
        }
        self.pass()
    }

    fn pass_parts(&mut self, file: &File, offset: u64, length: u64) -> Result<(), Trouble> {
        let mut buffer = vec![0; READ];
        let (mut at, end) = (offset, offset + length);
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(READ).min(READ);
            let count = file.read_at(&mut buffer[..most], at).map_err(|_| Trouble::Failed)?;
            if count == 0 {
                return Err(Trouble::Failed);
            }
            self.write(&buffer[..count], false)?;
            at += count as u64;
        }
        Ok(())
    }

    /// The response is whole.
    ///
    /// # Errors
    /// The client has gone, or a filter has failed.
    pub(crate) fn finish(&mut self) -> Result<(), Trouble> {
        self.state = State::Ended;
        // SAFETY: the brigade is ours.
        unsafe { brigade::append(self.brigade(), ffi::apr_bucket_eos_create(self.list())) };
        self.pass()
    }

    /// Ends a response that was started and is not whole, so that the client can tell: no last chunk,
    /// fewer bytes than declared, and where the end of the connection is that of the body, a reset.
    pub(crate) fn cut(&mut self) {
        // The head may not have left yet; without it the bucket below would make another.
        let left = self.write(b"", true);
        self.state = State::Ended;
        // SAFETY: the request and its connection live; the brigade is ours.
        unsafe {
            let connection = &mut *(*self.raw).connection;
            connection.keepalive = ffi::ap_conn_keepalive_e_AP_CONN_CLOSE;
            if left.is_err() {
                return;
            }
            let framed = (*self.raw).chunked != 0
                || !ffi::apr_table_get((*self.raw).headers_out, c"Content-Length".as_ptr())
                    .is_null();
            let (brigade, list) = (self.brigade(), self.list());
            let error = ffi::ap_bucket_error_create(CUT, ptr::null(), (*self.raw).pool, list);
            brigade::append(brigade, error);
            brigade::append(brigade, ffi::apr_bucket_eos_create(list));
            // Whether the client still hears of it makes no difference any more.
            let _ = self.pass();
            if !framed {
                reset_at_close(connection);
            }
        }
    }

    /// Hands everything to the filters.
    fn pass(&mut self) -> Result<(), Trouble> {
        self.held = 0;
        // SAFETY: the request and its connection live; the filters are those of now, since a filter may
        // have taken itself away.
        let (status, aborted) = unsafe {
            let request = self.raw;
            let status = ffi::ap_pass_brigade((*request).output_filters, self.brigade);
            ffi::apr_brigade_cleanup(self.brigade.cast());
            (status, (*(*request).connection).aborted != 0)
        };
        match status {
            _ if aborted => Err(Trouble::Gone),
            0 => Ok(()),
            _ => Err(Trouble::Failed),
        }
    }

    fn brigade(&mut self) -> *mut ffi::apr_bucket_brigade {
        if self.brigade.is_null() {
            // SAFETY: the request lives, and so long the brigade.
            self.brigade = unsafe { ffi::apr_brigade_create((*self.raw).pool, self.list()) };
        }
        self.brigade
    }

    fn list(&self) -> *mut ffi::apr_bucket_alloc_t {
        // SAFETY: the connection lives longer than its request.
        unsafe { (*(*self.raw).connection).bucket_alloc }
    }
}

/// Has `pool` close `descriptor` at its end.
///
/// # Safety
/// The pool lives, and nobody else closes the descriptor.
unsafe fn close_with(pool: *mut ffi::apr_pool_t, descriptor: c_int) {
    // SAFETY: the pool lives.
    let pool = unsafe { super::pool::Pool::new(pool) };
    // SAFETY: promised by the caller: it is ours to close.
    let owned = unsafe { std::os::fd::FromRawFd::from_raw_fd(descriptor) };
    pool.at_end(move || drop::<std::os::fd::OwnedFd>(owned));
}
