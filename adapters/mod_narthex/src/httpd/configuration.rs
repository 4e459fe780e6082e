//! Where httpd keeps the settings of places and servers.
#![allow(unsafe_code, reason = "httpd keeps pointers")]

use std::{
    cell::OnceCell,
    ffi::{c_char, c_int, c_void},
    ptr, slice,
};

use super::{Request, Server, callback::callbacks, pool::Pool, text};
use crate::{
    child::Child,
    config::{
        Arena, Book, Chosen, Directive, Kind, Origin, Question, Resolved, Scope, Settings, Where,
    },
    ffi, module,
};

/// What the module keeps with each server that has directives of its own.
#[derive(Debug, Default)]
pub(crate) struct ServerConfiguration {
    /// What they say.
    pub(crate) book: Book,
    /// Each place with directives, and its settings, which live as long as this.
    places: Vec<(Where, *const c_void)>,
    /// Whether there are directives that hold only under some condition.
    pub(crate) conditional: bool,
    /// What those of all servers come to; of the main one.
    pub(crate) resolved: OnceCell<Resolved>,
}

impl<'p> Arena<'p> for Pool<'p> {
    fn text(self, text: &str) -> &'p str {
        std::str::from_utf8(self.copy(text.as_bytes())).expect("a copy of a text is one")
    }

    fn chosen(self, chosen: Chosen<'p>) -> &'p Chosen<'p> {
        self.put(chosen)
    }
}

impl<'a> Server<'a> {
    /// What is kept with this server, or with the main one if it has no directives of its own.
    pub(crate) fn configuration(self) -> Option<&'a ServerConfiguration> {
        // SAFETY: null, or made by `create_server` and not changed once all has been read.
        unsafe { self.kept().cast::<ServerConfiguration>().as_ref() }
    }
}

impl<'a> Server<'a> {
    /// The places of this server alone that have directives, in their order.
    pub(crate) fn places(self) -> impl Iterator<Item = (Where, Settings<'a>)> {
        let places = self.configuration().map_or(&[][..], |kept| &kept.places);
        places.iter().map(|(place, settings)| {
            // SAFETY: they were given with a directive of the configuration, and live as long as that.
            (place.clone(), unsafe { *settings.cast::<Settings<'a>>() })
        })
    }
}

impl ServerConfiguration {
    fn note(&mut self, scope: Scope<'_>, settings: *const c_void) {
        let place = match scope {
            Scope::Server => Where::Server,
            Scope::Location(path) => Where::Location(path.to_owned()),
            Scope::Directory(path) => Where::Directory(path.to_owned()),
            Scope::Section(_) => {
                self.conditional = true;
                return;
            }
            Scope::Access(_) => return,
        };
        if !self.places.iter().any(|(_, known)| *known == settings) {
            self.places.push((place, settings));
        }
    }
}

impl<'r> Request<'r> {
    /// The settings of its place, as far as httpd has found that.
    pub(crate) fn settings(&self) -> Settings<'r> {
        // SAFETY: made by `create_place` or `merge_places`, and not changed during a request; what it
        // borrows is in the pool of the configuration or of this request.
        unsafe {
            let kept = ffi::ap_get_module_config(self.record().per_dir_config, module::record());
            kept.cast::<Settings<'r>>().as_ref().copied().unwrap_or_default()
        }
    }
}

callbacks! {
    fn create_place(pool: *mut ffi::apr_pool_t, _path: *mut c_char) -> *mut c_void,
        else ptr::null_mut() =>
    {
        // SAFETY: a pool that lives as long as what is kept with the place.
        let pool = unsafe { Pool::new(pool) };
        ptr::from_mut(pool.put(Settings::default())).cast()
    }

    fn merge_places(pool: *mut ffi::apr_pool_t, outer: *mut c_void, inner: *mut c_void) -> *mut c_void,
        else inner =>
    {
        // SAFETY: both were made by these two functions; what they are merged from outlives the pool.
        unsafe {
            let pool = Pool::new(pool);
            let (outer, inner) = (&*outer.cast::<Settings<'_>>(), &*inner.cast::<Settings<'_>>());
            ptr::from_mut(pool.put(outer.merge(inner, pool))).cast()
        }
    }

    fn create_server(pool: *mut ffi::apr_pool_t, _server: *mut ffi::server_rec) -> *mut c_void,
        else ptr::null_mut() =>
    {
        let kept: *mut ServerConfiguration = Box::into_raw(Box::default());
        // SAFETY: the pool of the configuration, in which nothing uses what it keeps once it ends.
        unsafe { Pool::new(pool) }.at_end(move || drop(unsafe { Box::from_raw(kept) }));
        kept.cast()
    }

    fn directive(
        parameters: *mut ffi::cmd_parms,
        settings: *mut c_void,
        count: c_int,
        words: *const *mut c_char,
    ) -> *const c_char, else c"Narthex failed, which is a bug".as_ptr() =>
    {
        // SAFETY: what httpd gives to a directive with `AP_TAKE_ARGV`, for the length of the call.
        unsafe {
            let parameters = &*parameters;
            let pool = Pool::new(parameters.pool);
            match apply(parameters, pool, &mut *settings.cast(), count, words) {
                Ok(()) => ptr::null(),
                Err(what) => pool.copy(what.as_bytes()).as_ptr().cast(),
            }
        }
    }
}

/// Does what a directive says.
///
/// # Safety
/// All are as httpd gives them to a directive.
unsafe fn apply<'p>(
    parameters: &ffi::cmd_parms,
    pool: Pool<'p>,
    settings: &mut Settings<'p>,
    count: c_int,
    words: *const *mut c_char,
) -> Result<(), String> {
    // SAFETY: the caller's word.
    unsafe {
        let kind = Kind::ALL[(*parameters.cmd).cmd_data.addr()];
        let count = usize::try_from(count).unwrap_or(0);
        let words: &[*mut c_char] =
            if count == 0 { &[] } else { slice::from_raw_parts(words, count) };
        let words = words.iter().map(|word| text::bytes(*word).unwrap_or_default());
        let words = words.map(std::str::from_utf8).collect::<Result<Vec<_>, _>>();
        let words = words.map_err(|_| "what is written is no UTF-8".to_owned())?;
        let path = text::bytes(parameters.path).map(String::from_utf8_lossy).unwrap_or_default();
        let in_access = ptr::eq(parameters.pool, parameters.temp_pool);
        let mut directory = path.to_string();
        if !directory.ends_with('/') {
            directory.push('/');
        }
        let scope = match section(parameters) {
            Some(("<Location", false)) => Scope::Location(&path),
            Some(("<Directory", false)) => Scope::Directory(&directory),
            Some((other, _)) => Scope::Section(other),
            None if in_access => Scope::Access(&directory),
            None => Scope::Server,
        };
        let root = text::bytes(ffi::ap_server_root).map(String::from_utf8_lossy);
        let root = root.unwrap_or("/".into());
        let origin = origin(parameters);
        let directive = Directive { kind, words: &words, scope, origin: &origin, root: &root };
        let book = (!in_access).then(|| {
            let server = Server::new(parameters.server);
            let kept = &mut *server.kept().cast::<ServerConfiguration>();
            kept.note(scope, ptr::from_ref(settings).cast());
            &mut kept.book
        });
        for question in directive.apply(settings, book, pool)? {
            if let (Question::Group(name), Some(child)) = (&question, Child::here()) {
                child.may_choose(name)?;
            }
        }
        Ok(())
    }
}

/// The innermost section that a directive stands in, but for those that are the same place as what is
/// around them, and whether its path is a pattern.
///
/// # Safety
/// `parameters` is as httpd gives it to a directive.
unsafe fn section(parameters: &ffi::cmd_parms) -> Option<(&'static str, bool)> {
    // SAFETY: the tree of the configuration, which lives while it is read.
    unsafe {
        let mut above = parameters.directive.as_ref()?.parent;
        while let Some(directive) = above.as_ref() {
            let name = text::bytes(directive.directive).unwrap_or_default();
            let is_pattern = || {
                text::bytes(directive.args)
                    .is_some_and(|it| it.trim_ascii_start().starts_with(b"~"))
            };
            let found = |known: &&&str| name.eq_ignore_ascii_case(known.as_bytes());
            match SECTIONS.iter().find(found) {
                Some(known) => return Some((known, is_pattern())),
                None => above = directive.parent,
            }
        }
        None
    }
}

/// Sections that are a place of their own, or the condition for one.
const SECTIONS: [&str; 13] = [
    "<Location",
    "<LocationMatch",
    "<Directory",
    "<DirectoryMatch",
    "<Files",
    "<FilesMatch",
    "<If",
    "<ElseIf",
    "<Else",
    "<Limit",
    "<LimitExcept",
    "<Proxy",
    "<ProxyMatch",
];

/// File and line of a directive.
///
/// # Safety
/// `parameters` is as httpd gives it to a directive.
unsafe fn origin(parameters: &ffi::cmd_parms) -> Origin {
    // SAFETY: the tree of the configuration, which lives while it is read.
    unsafe {
        let Some(directive) = parameters.directive.as_ref() else { return Origin::default() };
        let file = text::bytes(directive.filename).map(String::from_utf8_lossy);
        Origin {
            file: file.unwrap_or_default().into_owned(),
            line: u32::try_from(directive.line_num).unwrap_or(0),
        }
    }
}

/// Whether a directive of httpd's own that matches is anywhere in its configuration.
pub(crate) fn mentions(matches: &dyn Fn(&[u8], &[u8]) -> bool) -> bool {
    // SAFETY: the tree of the configuration, which lives while httpd does; one thread reads it.
    unsafe { in_tree(ffi::ap_conftree, matches) }
}

/// # Safety
/// `first` is a list of directives, or null.
unsafe fn in_tree(
    first: *const ffi::ap_directive_t,
    matches: &dyn Fn(&[u8], &[u8]) -> bool,
) -> bool {
    let mut next = first;
    // SAFETY: the caller's word.
    unsafe {
        while let Some(directive) = next.as_ref() {
            let name = text::bytes(directive.directive).unwrap_or_default();
            let arguments = text::bytes(directive.args).unwrap_or_default();
            if matches(name, arguments) || in_tree(directive.first_child, matches) {
                return true;
            }
            next = directive.next;
        }
    }
    false
}
