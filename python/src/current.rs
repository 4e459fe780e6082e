//! The request that a thread works on, for those who log without having it in hand.

use std::cell::{Cell, RefCell};

use narthex_core::{Journal, RequestHead, RequestId};
use pyo3::prelude::*;

thread_local! {
    /// The number of the request, and [`NAMED`].
    static CURRENT: Cell<u64> = const { Cell::new(0) };
    /// Its name, where a proxy gave it one.
    static NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// Marks a number whose request has its name from a proxy.
const NAMED: u64 = 1 << 63;

/// A thread's stay in the application for one request; ends on drop.
#[must_use]
pub(crate) struct Stay {
    before: u64,
    name_before: Option<Box<str>>,
}

/// Enters the application for `request`.
pub(crate) fn enter(request: &RequestHead) -> Stay {
    let mut number = request.arrival.number();
    let mut name_before = None;
    if request.arrival.is_named()
        && let Some(name) = request.id()
    {
        number |= NAMED;
        name_before = NAME.replace(Some(name.as_str().into()));
    }
    Stay { before: CURRENT.replace(number), name_before }
}

/// Enters the application for a `request` that has waited for it until now.
pub(crate) fn enter_first(request: &RequestHead, journal: &dyn Journal) -> Stay {
    if let Some(at) = request.arrival.at
        && let Some(metrics) = journal.metrics()
    {
        metrics.queued(at.elapsed());
    }
    enter(request)
}

impl Drop for Stay {
    fn drop(&mut self) {
        if CURRENT.replace(self.before) & NAMED != 0 {
            NAME.set(self.name_before.take());
        }
    }
}

/// The name of the request that the calling thread works on; None outside of one.
#[pyfunction]
pub(crate) fn request_id() -> Option<String> {
    let number = CURRENT.get();
    if number & NAMED != 0 {
        return NAME.with_borrow(|name| name.as_deref().map(str::to_owned));
    }
    RequestId::made(number).map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_knows_its_request_while_it_is_in_it() {
        let mut request = RequestHead::default();
        let site = narthex_core::Site::new(std::sync::Arc::new(|_| async { Ok(()) }));
        site.arrived(&mut request, 0);
        let id = request.id().unwrap().to_string();
        assert_eq!(request_id(), None);
        let stay = enter(&request);
        assert_eq!(request_id(), Some(id.clone()));
        let mut other = RequestHead::default();
        site.arrived(&mut other, 0);
        let inner = enter(&other);
        assert_ne!(request_id(), Some(id.clone()));
        drop(inner);
        assert_eq!(request_id(), Some(id));
        drop(stay);
        assert_eq!(request_id(), None);
    }

    #[test]
    fn a_given_name_comes_and_goes() {
        let mut site = narthex_core::Site::new(std::sync::Arc::new(|_| async { Ok(()) }));
        site.trust = "*".parse().unwrap();
        let named = |name: &'static str| {
            let mut request = RequestHead::default();
            request.headers.insert("x-request-id", http::HeaderValue::from_static(name));
            site.arrived(&mut request, 0);
            request
        };
        let (outer, inner, odd) = (named("outer"), named("inner"), named("not a name"));
        let stay = enter(&outer);
        drop(enter(&inner));
        assert_eq!(request_id().as_deref(), Some("outer"));
        assert_eq!(enter(&odd).before & NAMED, NAMED);
        assert_eq!(request_id().as_deref(), Some("outer"));
        drop(stay);
        assert_eq!(request_id(), None);
    }
}
