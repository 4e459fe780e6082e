//! Which applications the configuration names, as far as that can be seen without a request.

use super::{Arena, Choice, Settings};

/// What settings are for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Where {
    /// A whole server.
    Server,
    /// Below a path of URLs.
    Location(String),
    /// In a directory.
    Directory(String),
}

impl Where {
    /// Whether all of `other` is within this.
    fn holds(&self, other: &Self) -> bool {
        let within = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match (self, other) {
            (Self::Server, _) => true,
            (Self::Location(outer), Self::Location(inner))
            | (Self::Directory(outer), Self::Directory(inner)) => within(outer, inner),
            _ => false,
        }
    }
}

/// Whether anything that is said of these places may run in a group.
pub(crate) fn want_groups<'p>(places: &[(Where, Settings<'p>)], arena: impl Arena<'p>) -> bool {
    let asks = |settings: &Settings<'_>| settings.auth.is_some() || settings.access.is_some();
    places.iter().any(|(_, settings)| asks(settings))
        || applications(places, arena)
            .iter()
            .any(|(_, settings)| settings.choice != Some(Choice::Inline))
}

/// The settings of each place that has an application, with those of the places around it; `places` are
/// those of the main server and then those of a virtual host.
pub(crate) fn applications<'p>(
    places: &[(Where, Settings<'p>)],
    arena: impl Arena<'p>,
) -> Vec<(Where, Settings<'p>)> {
    let mut found: Vec<(Where, Settings<'p>)> = Vec::new();
    for (place, _) in places.iter().filter(|(_, settings)| settings.app.is_some()) {
        if found.iter().any(|(known, _)| known == place) {
            continue;
        }
        let around = places.iter().filter(|(outer, _)| outer.holds(place));
        let merged =
            around.fold(Settings::default(), |merged, (_, settings)| merged.merge(settings, arena));
        found.push((place.clone(), merged));
    }
    found
}
