//! What a CGI program makes of SIGTERM: it finishes, within a time.
//!
//! lighttpd 1.4.69 sends it as soon as it has the whole response, which is before the body's `close`
//! and what runs at exit; it sends it as well when the client has gone, and so does Apache, which
//! kills by SIGKILL after three seconds. Writing to a client that has gone fails at once, so most
//! programs end long before their time.

use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use libc::{SA_RESETHAND, SA_RESTART, SIG_DFL, SIGALRM, SIGTERM, c_int, c_uint, sighandler_t};

/// How long it may go on, in seconds: less than Apache waits.
const TIME: c_uint = 2;

/// The process that may. Those that the application forks end as they always do.
static PROCESS: AtomicI32 = AtomicI32::new(0);

/// Lets the first SIGTERM end this process after a time, and a second one at once.
///
/// The system keeps the time: a thread would cost more, and an application that forks should find
/// itself alone. What ignores SIGTERM already, or handles it later on, is left to do so.
#[expect(unsafe_code, reason = "a handler that works while a call of the system blocks")]
pub(super) fn grant() {
    // SAFETY: a `sigaction` of zeros is one with the default action, no flags and an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: it only writes to `action`.
    let known = unsafe { libc::sigaction(SIGTERM, std::ptr::null(), &raw mut action) } == 0;
    if !known || action.sa_sigaction != SIG_DFL {
        return;
    }
    // SAFETY: it looks at nothing.
    PROCESS.store(unsafe { libc::getpid() }, Relaxed);
    action.sa_sigaction = handler(begin);
    action.sa_flags = SA_RESETHAND | SA_RESTART;
    // SAFETY: `begin` has the type of a handler without SA_SIGINFO, and does nothing that a handler
    // may not do (POSIX.1-2024, 2.4.3).
    unsafe { libc::sigaction(SIGTERM, &raw const action, std::ptr::null_mut()) };
}

/// SIGTERM has come.
#[expect(unsafe_code, reason = "a handler may call the system and little else")]
extern "C" fn begin(_signal: c_int) {
    // SAFETY: all of them may be called by a handler. `end` has the type of one.
    unsafe {
        if libc::getpid() == PROCESS.load(Relaxed) {
            // The application may have wanted an alarm: it has no use for it any more.
            libc::signal(SIGALRM, handler(end));
            libc::alarm(TIME);
        } else {
            libc::raise(SIGTERM);
        }
    }
}

/// The time is over: the process ends as it would have by SIGTERM.
#[expect(unsafe_code, reason = "a handler may call the system and little else")]
extern "C" fn end(_signal: c_int) {
    // SAFETY: both may be called by a handler.
    unsafe {
        libc::signal(SIGTERM, SIG_DFL);
        libc::raise(SIGTERM);
    }
}

fn handler(function: extern "C" fn(c_int)) -> sighandler_t {
    function as *const () as sighandler_t
}
