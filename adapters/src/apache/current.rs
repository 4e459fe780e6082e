//! The request of httpd's that this thread answers, for those who have no transaction in hand.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use narthex_abi::{Level, Matter, Status};

use super::table::{Call, Line, Table};

thread_local! {
    static CURRENT: RefCell<Option<Link>> = const { RefCell::new(None) };
    /// Its number, 0 for none, and whether its response has been started.
    static STATE: Cell<(u64, bool)> = const { Cell::new((0, false)) };
    /// The path that answers it instead of its application.
    static REDIRECT: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
}

/// How the host is reached about it.
#[derive(Clone, Debug)]
enum Link {
    /// Nobody else knows of it.
    Alone(Call),
    /// Its application may have handed it to other threads.
    Shared(Arc<Line>),
}

/// A thread's stay with a request; ends on drop.
#[derive(Debug)]
#[must_use]
pub(super) struct Stay {
    /// Another request is there only if this one came while it was being answered.
    before: Option<Link>,
    state_before: (u64, bool),
    redirect_before: Option<Box<[u8]>>,
}

/// Notes that this thread answers the request of that number.
pub(super) fn enter(call: Call, number: u64) -> Stay {
    Stay {
        before: CURRENT.replace(Some(Link::Alone(call))),
        state_before: STATE.replace((number, false)),
        redirect_before: REDIRECT.take(),
    }
}

/// Notes that others may reach the host about it.
pub(super) fn share(line: &Arc<Line>) {
    CURRENT.set(Some(Link::Shared(Arc::clone(line))));
}

/// Notes that nobody else can reach the host about it any more.
pub(super) fn have_alone(call: Call) {
    CURRENT.set(Some(Link::Alone(call)));
}

impl Drop for Stay {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
        STATE.set(self.state_before);
        REDIRECT.set(self.redirect_before.take());
    }
}

/// Notes that the head of the response is about to be sent; `false` when the request is answered by
/// another path instead.
pub(super) fn start() -> bool {
    STATE.set((STATE.get().0, true));
    !REDIRECT.with_borrow(Option::is_some)
}

/// The path that answers the request instead of its application, if there is one.
pub(super) fn take_redirect() -> Option<Box<[u8]>> {
    REDIRECT.take()
}

/// How to reach the host. What it does may be to answer another request on this thread.
fn link() -> Option<Link> {
    CURRENT.with_borrow(Clone::clone)
}

/// Writes a line to the error log, about the request that this thread answers if there is one. It
/// never waits for another thread.
pub fn log(table: Table, level: Level, line: &[u8]) {
    let told = match link() {
        None => false,
        Some(Link::Alone(call)) => {
            call.log(level, line);
            true
        }
        Some(Link::Shared(shared)) => shared.try_with(|call| call.log(level, line)),
    };
    if !told {
        table.log(level, line);
    }
}

/// The request of httpd's that this thread answers.
#[derive(Debug)]
pub struct Here(Link);

impl Here {
    /// The request that this thread answers, if it is one of httpd's.
    #[must_use]
    pub fn find() -> Option<Self> {
        link().map(Self)
    }

    /// What tells it from all others of this process.
    #[must_use]
    pub fn number(&self) -> u64 {
        STATE.get().0
    }

    /// What httpd says: one text, or as many as there are names.
    #[must_use]
    pub fn ask(&self, matter: Matter, name: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut texts = Vec::new();
        let status = self.with(|call| call.ask(matter, name, &mut |it| texts.push(it.to_vec())));
        (status == Status::DONE).then_some(texts)
    }

    /// Changes something; says whether httpd did.
    #[must_use]
    pub fn tell(&self, matter: Matter, name: &[u8], value: &[u8]) -> bool {
        self.with(|call| call.tell(matter, name, value)) == Status::DONE
    }

    /// Has another path answer the request: what the application answers goes nowhere. `false` when
    /// its response has been started.
    #[must_use]
    pub fn redirect(&self, path: &[u8]) -> bool {
        let (_, started) = STATE.get();
        if !started {
            REDIRECT.set(Some(path.into()));
        }
        !started
    }

    fn with(&self, talk: impl FnOnce(Call) -> Status) -> Status {
        match &self.0 {
            Link::Alone(call) => talk(*call),
            Link::Shared(line) => line.with(|call| Ok(talk(call))).unwrap_or(Status::FAILED),
        }
    }
}
