//! The request of httpd's that this thread answers, for those who have no transaction in hand.

use std::cell::{Cell, RefCell};

use narthex_abi::{Level, Matter, Status};

use super::table::{Call, Table};

thread_local! {
    static CURRENT: Cell<Option<State>> = const { Cell::new(None) };
    /// The path that answers it instead of its application.
    static REDIRECT: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy, Debug)]
struct State {
    call: Call,
    number: u64,
    started: bool,
}

/// A thread's stay with a request; ends on drop.
#[derive(Debug)]
#[must_use]
pub(super) struct Stay {
    before: Option<State>,
    redirect_before: Option<Box<[u8]>>,
}

/// Notes that this thread answers the request of that number.
pub(super) fn enter(call: Call, number: u64) -> Stay {
    let before = CURRENT.replace(Some(State { call, number, started: false }));
    // Another request is there only if this one came while it was being answered.
    let redirect_before = if before.is_some() { REDIRECT.take() } else { None };
    Stay { before, redirect_before }
}

impl Drop for Stay {
    fn drop(&mut self) {
        CURRENT.set(self.before);
        if self.before.is_some() {
            REDIRECT.set(self.redirect_before.take());
        }
    }
}

/// Notes that the head of the response is about to be sent; `false` when the request is answered by
/// another path instead.
pub(super) fn start() -> bool {
    if let Some(state) = CURRENT.get() {
        CURRENT.set(Some(State { started: true, ..state }));
    }
    !REDIRECT.with_borrow(Option::is_some)
}

/// The path that answers the request instead of its application, if there is one.
pub(super) fn take_redirect() -> Option<Box<[u8]>> {
    REDIRECT.take()
}

/// Writes a line to the error log, about the request that this thread answers if there is one.
pub fn log(table: Table, level: Level, line: &[u8]) {
    match CURRENT.get() {
        Some(state) => state.call.log(level, line),
        None => table.log(level, line),
    }
}

/// The request of httpd's that this thread answers.
#[derive(Debug)]
pub struct Here(State);

impl Here {
    /// The request that this thread answers, if it is one of httpd's.
    #[must_use]
    pub fn find() -> Option<Self> {
        CURRENT.get().map(Self)
    }

    /// What tells it from all others of this process.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// What httpd says: one text, or as many as there are names.
    #[must_use]
    pub fn ask(&self, matter: Matter, name: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut texts = Vec::new();
        let status = self.0.call.ask(matter, name, &mut |text| texts.push(text.to_vec()));
        (status == Status::DONE).then_some(texts)
    }

    /// Changes something; says whether httpd did.
    #[must_use]
    pub fn tell(&self, matter: Matter, name: &[u8], value: &[u8]) -> bool {
        self.0.call.tell(matter, name, value) == Status::DONE
    }

    /// Has another path answer the request: what the application answers goes nowhere. `false` when
    /// its response has been started.
    #[must_use]
    pub fn redirect(&self, path: &[u8]) -> bool {
        if !self.0.started {
            REDIRECT.set(Some(path.into()));
        }
        !self.0.started
    }

    /// Writes a line about it to the error log.
    pub fn log(&self, level: Level, line: &[u8]) {
        self.0.call.log(level, line);
    }
}
