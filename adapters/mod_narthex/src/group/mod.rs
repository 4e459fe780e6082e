//! Applications in processes of their own: httpd's thread is a FastCGI client of them, and the broker
//! looks after them.
//!
//! The parent starts the broker ([`post_config`]). A child asks it once for the socket of each pool of
//! processes (`pools`), and from then on its threads talk to those directly, over connections that they
//! keep (`narthex_adapters::fastcgi::asking`). `variables` is what they say of a request, `served` its
//! client.

mod broker;
mod pools;
mod served;
mod variables;

use std::{cell::RefCell, time::Duration};

use narthex_adapters::fastcgi::{
    asking::{Desk, Downstream, Exchange, Kept, Manner, NoBody, NotTaken, Outcome as Came},
    record::{AUTHORIZER, RESPONDER},
};
use narthex_core::Limits;

use crate::{
    auth::Unseen,
    httpd::{Announced, Level, Request},
    place::{Application, Outcome, Place},
};

pub(crate) use broker::post_config;
use pools::Pool;
pub(crate) use pools::{Slot, child_init};
use served::{Consulted, Served};

/// After how many seconds a client may come back that was sent away.
const LATER: &[u8] = b"5";

/// How long an application may take to answer without a body that its client has not sent.
const RELUCTANCE: Duration = Duration::from_millis(50);

thread_local! {
    /// What this thread keeps from request to request; taken while it makes one, since that may make
    /// another on the same thread.
    static THREAD: RefCell<Option<Box<Thread>>> = const { RefCell::new(None) };
}

#[derive(Debug, Default)]
struct Thread {
    desk: Desk,
    kept: Kept,
}

/// Why there is no answer.
enum Trouble {
    /// The request's body could not be read.
    Body(NoBody),
    /// No process has taken the request.
    NotTaken(NotTaken),
}

/// Answers a request whose place says [`Process::Group`](crate::place::Process::Group).
pub(crate) fn answer(request: &Request<'_>, place: &Place<'_>) -> Outcome {
    let body = request.body();
    if body == Announced::TooMuch {
        request.log(Level::Error, "the body is larger than LimitRequestBody lets it be");
        return Outcome::Status(413);
    }
    let pool = match place.application.group.pool(place.application) {
        Ok(pool) => pool,
        Err(why) => return send_away(request, place.application, &why),
    };
    let _turn = match pool.enter() {
        Ok(turn) => turn,
        Err(why) => return send_away(request, place.application, &why),
    };
    let mut served = Served::new(request);
    let manner = Manner {
        role: RESPONDER,
        body: body == Announced::Some,
        reluctant: reluctance(request),
        client: request.server().timeout(),
        application: pool.silence(),
    };
    let came = ask(request, place, pool, manner, &mut served);
    settle(request, place.application, came, &mut served)
}

/// Asks an application in the role of an authorizer (FastCGI 6.3); its response is not the client's.
/// Without one, the log has why.
pub(crate) fn consult(request: &Request<'_>, place: &Place<'_>) -> Option<Unseen> {
    let manner = |pool: &Pool| Manner {
        role: AUTHORIZER,
        body: false,
        reluctant: None,
        client: request.server().timeout(),
        application: pool.silence(),
    };
    let mut consulted = Consulted::new(request);
    let pool = place.application.group.pool(place.application);
    let came = pool.map(|pool| ask(request, place, pool, manner(pool), &mut consulted));
    let why = match came {
        Ok(Ok(Came::Complete)) => return Some(consulted.response),
        Ok(Ok(Came::Departed) | Err(Trouble::Body(_) | Trouble::NotTaken(NotTaken::Departed))) => {
            "the client has gone".to_owned()
        }
        Ok(Ok(Came::Untouched)) => "nobody takes the request".to_owned(),
        Ok(Ok(Came::Cut(why) | Came::Failed(_, why))) => why.to_string(),
        Ok(Err(Trouble::NotTaken(why))) => why.to_string(),
        Err(why) => why,
    };
    request.log(Level::Error, format!("{}: {why}", name(place.application)));
    None
}

/// How long a client is kept waiting that wants to be asked for its body. An application is called
/// before the body is there only if that is a long one.
fn reluctance(request: &Request<'_>) -> Option<Duration> {
    let prefetched = Limits::default().body_prefetch;
    let length = request.headers_in().known(c"Content-Length");
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse::<usize>().ok());
    let is_long = length.is_some_and(|length| length > prefetched);
    request.is_reluctant().then_some(if is_long { RELUCTANCE } else { Duration::ZERO })
}

/// Makes a request of a pool, over a connection of this thread.
fn ask(
    request: &Request<'_>,
    place: &Place<'_>,
    pool: &Pool,
    manner: Manner,
    downstream: &mut impl Downstream,
) -> Result<Came, Trouble> {
    let mut thread = THREAD.with_borrow_mut(Option::take).unwrap_or_default();
    let came = thread.ask(pool, manner, downstream, |packed| {
        variables::write(request, place, packed);
    });
    THREAD.set(Some(thread));
    came
}

impl Thread {
    fn ask<D: Downstream>(
        &mut self,
        pool: &Pool,
        manner: Manner,
        downstream: &mut D,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Came, Trouble> {
        let mut exchange =
            Exchange::prepare(&mut self.desk, downstream, manner, write).map_err(Trouble::Body)?;
        let open = |downstream: &mut D| pool.open(downstream);
        self.kept.answer(pool.number(), &mut exchange, open).map_err(Trouble::NotTaken)
    }
}

/// What becomes of a request that has been made.
fn settle(
    request: &Request<'_>,
    application: &Application,
    came: Result<Came, Trouble>,
    served: &mut Served<'_>,
) -> Outcome {
    match came {
        Ok(Came::Complete) => {
            served.finish();
            Outcome::Answered
        }
        Ok(Came::Cut(why)) => {
            request.log(Level::Error, format!("{}: the response is cut: {why}", name(application)));
            served.cut();
            Outcome::Answered
        }
        Ok(Came::Failed(503, why)) => send_away(request, application, &why.to_string()),
        Ok(Came::Failed(status, why)) => {
            request.log(Level::Error, format!("{}: {why}", name(application)));
            Outcome::Status(status)
        }
        Ok(Came::Departed)
        | Err(Trouble::Body(NoBody::Departed) | Trouble::NotTaken(NotTaken::Departed)) => {
            served.leave()
        }
        Ok(Came::Untouched) => send_away(request, application, "nobody takes the request"),
        Err(Trouble::Body(NoBody::Refused(status))) => {
            request.log(Level::Info, "the request's body could not be read");
            Outcome::Status(status)
        }
        Err(Trouble::NotTaken(why)) => send_away(request, application, &why.to_string()),
    }
}

/// Answers that nobody can answer now.
fn send_away(request: &Request<'_>, application: &Application, why: &str) -> Outcome {
    request.log(Level::Error, format!("{}: {why}", name(application)));
    request.err_headers_out().set(b"Retry-After", LATER);
    Outcome::Status(503)
}

/// What the log calls an application.
fn name(application: &Application) -> String {
    let target = application.arguments.last().map_or(&b""[..], |last| last);
    let target = String::from_utf8_lossy(target);
    match &application.process {
        crate::place::Process::Group(group) => {
            format!("{target} in the group {}", String::from_utf8_lossy(group))
        }
        crate::place::Process::Inline => target.into_owned(),
    }
}
