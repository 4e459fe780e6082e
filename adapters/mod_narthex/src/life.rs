//! What happens as httpd reads its configuration, starts, and starts its children.

use crate::{
    child::Child,
    config::{Finding, Resolved, Said, resolve, want_groups},
    group,
    httpd::{
        Level, Server,
        configuration::{ServerConfiguration, mentions},
        machine::Machine,
        pool::Pool,
        version,
    },
    inline,
};

/// The oldest httpd whose structures are those that the module was made for.
const OLDEST: (u16, u16, u16) = (2, 4, 17);

/// Refuses an httpd that is too old; one of another major version refuses the module itself.
pub(crate) fn pre_config() -> bool {
    let (major, minor, patch) = version::of_httpd();
    if (major, minor, patch) >= OLDEST {
        return true;
    }
    let (_, _, oldest) = OLDEST;
    version::startup_log(&format!(
        "mod_narthex wants Apache httpd 2.4.{oldest} or later, and this is {major}.{minor}.{patch}"
    ));
    false
}

/// Puts together what has been read, and says all that is wrong with it.
///
/// A mistake keeps httpd from starting, as one in any directive does. What is missing on the machine only
/// fails `apachectl configtest`: at a start other sites go on.
pub(crate) fn check_config(main: Server<'_>) -> bool {
    let is_test = version::is_test();
    let mut findings = resolve_all(main).map(|it| it.findings.clone()).unwrap_or_default();
    if is_test {
        findings.extend(prepare(main));
    }
    findings.retain(|finding| finding.is_mistake || is_test);
    for finding in &findings {
        version::startup_log(&finding.to_string());
    }
    findings.is_empty()
}

/// What all directives come to.
fn resolve_all(main: Server<'_>) -> Option<&Resolved> {
    Some(main.configuration()?.resolved.get_or_init(|| {
        let names: Vec<_> = main.all().map(|server| (server, server.display_name())).collect();
        let own = names.iter().filter_map(|(server, name)| {
            let book = &server.configuration().filter(|it| is_own(main, *server, it))?.book;
            Some(Said { book, name, key: server.key() })
        });
        resolve(&own.collect::<Vec<_>>(), &Machine)
    }))
}

/// Finds out what applications in httpd itself need, if there are any.
fn prepare(main: Server<'_>) -> Option<Finding> {
    let inside = resolved(main)?.inline.as_ref()?;
    let why = inline::prepare(&inside.interpreter).err()?;
    Some(Finding::missing("NarthexProcess", &inside.origin, &why))
}

/// A virtual host without directives of ours has what the main server has.
fn is_own(main: Server<'_>, server: Server<'_>, kept: &ServerConfiguration) -> bool {
    server.key() == main.key()
        || !main.configuration().is_some_and(|of_main| std::ptr::eq(of_main, kept))
}

/// Looks for what applications in httpd itself need, and starts what processes of their own do.
pub(crate) fn post_config(main: Server<'_>, pool: Pool<'_>) {
    let Some(resolved) = resolved(main).filter(|_| version::is_in_earnest() && is_used(main))
    else {
        return;
    };
    let prepared = prepare(main);
    // The module may be loaded anew after this, and what it has found out would be lost memory.
    pool.at_end(inline::release);
    for finding in resolved.findings.iter().chain(&prepared) {
        main.log(Level::Error, finding.to_string());
    }
    if resolved.groups.is_empty() || !wants_groups(main, pool) {
        return;
    }
    if let Err(why) = group::post_config(main, pool, &resolved.groups) {
        main.log(Level::Error, format!("applications in groups cannot run: {why}"));
    }
}

/// Makes what a child has.
pub(crate) fn child_init(main: Server<'_>, pool: Pool<'_>) {
    let Some(resolved) = resolved(main).filter(|_| is_used(main)) else { return };
    Child::begin(main, resolved);
    if !resolved.groups.is_empty() {
        group::child_init(main, &resolved.groups);
    }
    if resolved.inline.is_some() {
        let applications = Child::here().map(|child| child.inline(main, pool)).unwrap_or_default();
        inline::child_init(&inline::Beginning { server: main, pool, applications: &applications });
    }
}

fn resolved(main: Server<'_>) -> Option<&Resolved> {
    main.configuration()?.resolved.get()
}

/// Whether any request may have to be answered in a group: not where all applications are known, and run
/// in httpd itself.
fn wants_groups<'a>(main: Server<'a>, pool: Pool<'a>) -> bool {
    let defines = |kept: &ServerConfiguration| !kept.book.groups.is_empty() || kept.conditional;
    main.all().filter_map(Server::configuration).any(defines)
        || main.all().any(|server| {
            let own = server.is_virtual().then(|| server.places()).into_iter().flatten();
            want_groups(&main.places().chain(own).collect::<Vec<_>>(), pool)
        })
        || is_used_by_httpd()
}

/// Whether any request may become an application's.
fn is_used(main: Server<'_>) -> bool {
    main.all().filter_map(Server::configuration).any(|kept| kept.book.used) || is_used_by_httpd()
}

/// Whether that may be by a directive of httpd's: `SetHandler narthex-script`, or an `.htaccess` that may
/// have directives of ours.
fn is_used_by_httpd() -> bool {
    let has = |text: &[u8], word: &str| {
        text.to_ascii_lowercase().windows(word.len()).any(|part| part == word.as_bytes())
    };
    mentions(&|name, arguments| match name.to_ascii_lowercase().as_slice() {
        b"sethandler" | b"addhandler" => has(arguments, "narthex-script"),
        b"allowoverride" => has(arguments, "fileinfo") || has(arguments, "all"),
        b"allowoverridelist" => has(arguments, "narthex"),
        _ => false,
    })
}
