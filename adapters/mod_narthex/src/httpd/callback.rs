//! What stands around every function that httpd calls.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{Level, Server};

/// Calls `body`; a panic ends here, in the error log, and `otherwise` is returned.
///
/// The hook of the standard library has by then written to the standard error, which is httpd's log as
/// well, where it was.
pub(crate) fn guard<T>(name: &str, otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        if let Some(server) = Server::main() {
            let what = said(&*panic);
            server.log(Level::Error, format!("Narthex failed in {name}, which is a bug: {what}"));
        }
        otherwise
    })
}

fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic")
}

/// Declares functions that httpd calls. What follows `else` is returned if one panics.
macro_rules! callbacks {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $returned:ty, else $otherwise:expr => $body:block
    )*) => {$(
        $(#[$attribute])*
        pub(crate) unsafe extern "C" fn $name($($argument: $type),*) -> $returned {
            $crate::httpd::callback::guard(stringify!($name), $otherwise, || $body)
        }
    )*};
}
pub(crate) use callbacks;
