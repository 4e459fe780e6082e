//! Which requests are an application's, and whose.

use crate::{
    group,
    httpd::Request,
    inline,
    place::{Outcome, Place, Process},
};

/// Answers a request at its place.
fn answer(request: &Request<'_>, place: &Place<'_>) -> Outcome {
    match place.application.process {
        Process::Inline => inline::answer(request, place),
        Process::Group(_) => group::answer(request, place),
    }
}
