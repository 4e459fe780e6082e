//! What a backend can do: one closed list, published here and nowhere else.

use std::fmt;

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One thing a backend can or cannot do.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Capability {
            $($(#[$doc])* $variant,)*
        }

        impl Capability {
            /// Every capability, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name under which applications and tests know it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

capabilities! {
    /// Its futures never return `Pending`: they block the calling thread instead.
    Blocking = "blocking",
    /// Several connections are answered, and each may carry several requests.
    Persistent = "persistent",
    /// The process serves one request and exits (`wsgi.run_once`).
    RunOnce = "run_once",
    /// The request body may still be read after the response has started.
    Duplex = "duplex",
    /// The application may be called by several threads at once (`wsgi.multithread`).
    Multithread = "multithread",
    /// The application may run in several processes at once (`wsgi.multiprocess`).
    Multiprocess = "multiprocess",
    /// The reason phrase of a response reaches the client.
    ReasonPhrase = "reason_phrase",
    /// Repeated request fields arrive one by one, not joined by the host.
    RepeatedFields = "repeated_fields",
    /// The request is framed by ourselves, so that chunked bodies and malformed framing are seen.
    Framing = "framing",
    /// HTTP/2 with prior knowledge is spoken.
    Http2 = "http2",
    /// An incomplete response is visible to the client as such.
    Truncation = "truncation",
    /// The request parser is not ours: what is malformed is refused before it, but it stumbles over
    /// some of what is well-formed, such as trailers and fields with bytes above ASCII.
    LenientParser = "lenient_parser",
}

/// A set of [`Capability`] values: a fact about one server instance.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// No capability at all.
    pub const NONE: Self = Self(0);

    /// This set and `capability`.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u32)
    }

    /// This set without `capability`.
    #[must_use]
    pub const fn without(self, capability: Capability) -> Self {
        Self(self.0 & !(1 << capability as u32))
    }

    /// Whether `capability` is in the set.
    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }

    /// Its members, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |&capability| self.has(capability))
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Capability::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = Capabilities::NONE.with(Capability::Duplex).with(Capability::RunOnce);
        assert!(set.has(Capability::Duplex) && !set.has(Capability::Blocking));
        assert_eq!(format!("{set:?}"), r#"{"run_once", "duplex"}"#);
        assert!(!set.without(Capability::Duplex).has(Capability::Duplex));
    }

    #[test]
    fn the_list_fits_the_set() {
        assert!(Capability::ALL.len() <= 32);
    }
}
