//! What directives come to, without httpd.

use std::{fs, path::PathBuf};

use super::*;

/// Keeps everything for as long as the tests run.
#[derive(Clone, Copy)]
struct Leaked;

impl Arena<'static> for Leaked {
    fn text(self, text: &str) -> &'static str {
        Box::leak(text.into())
    }

    fn chosen(self, chosen: Chosen<'static>) -> &'static Chosen<'static> {
        Box::leak(Box::new(chosen))
    }
}

/// A machine with one user, and a module that lies in no environment.
struct Somewhere {
    module: Option<PathBuf>,
    root: bool,
}

impl World for Somewhere {
    fn has_user(&self, name: &str) -> bool {
        name == "shop"
    }

    fn has_group(&self, name: &str) -> bool {
        name == "shop"
    }

    fn may_change_user(&self) -> bool {
        self.root
    }

    fn module(&self) -> Option<PathBuf> {
        self.module.clone()
    }
}

const NOWHERE: Somewhere = Somewhere { module: None, root: true };

/// A configuration, line by line.
#[derive(Default)]
struct Written {
    book: Book,
    line: u32,
}

impl Written {
    fn new(lines: &[&str]) -> Self {
        let mut written = Self::default();
        for line in lines {
            written.add(&mut Settings::default(), Scope::Server, line);
        }
        written
    }

    fn add(&mut self, settings: &mut Settings<'static>, scope: Scope<'_>, line: &str) {
        self.line += 1;
        let origin = Origin { file: "httpd.conf".into(), line: self.line };
        let questions = apply(settings, Some(&mut self.book), scope, line, &origin).unwrap();
        assert_eq!(questions, []);
    }

    fn said(&self) -> Said<'_> {
        Said { book: &self.book, name: "shop.example", key: 1 }
    }

    fn findings(&self, world: &Somewhere) -> Vec<String> {
        resolve(&[self.said()], world).findings.iter().map(ToString::to_string).collect()
    }
}

fn apply(
    settings: &mut Settings<'static>,
    book: Option<&mut Book>,
    scope: Scope<'_>,
    line: &str,
    origin: &Origin,
) -> Result<Vec<Question>, String> {
    let words: Vec<_> = line.split(' ').collect();
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == words[0]).unwrap();
    let directive = Directive { kind, words: &words[1..], scope, origin, root: "/etc/httpd" };
    directive.apply(settings, book, Leaked)
}

fn place(scope: Scope<'_>, lines: &[&str]) -> Settings<'static> {
    let mut settings = Settings::default();
    for line in lines {
        apply(&mut settings, None, scope, line, &Origin::default()).unwrap();
    }
    settings
}

fn arguments(settings: &Settings<'_>) -> String {
    settings.options.arguments(settings.debug, settings.app.unwrap().target).join(" ")
}

/// An environment as far as can be seen without running it.
fn environment(folder: &std::path::Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(folder.join("bin")).unwrap();
    let python = folder.join("bin/python3");
    fs::write(&python, "").unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_place_has_what_is_around_it_and_its_own() {
    let server = place(
        Scope::Server,
        &[
            "NarthexApp /srv/app.py",
            "NarthexOption slow 1",
            "NarthexOption serialize",
            "NarthexDebug On",
            "NarthexProcess inline",
        ],
    );
    let inner = place(Scope::Location("/x/"), &["NarthexOption slow 2", "NarthexProcess %{SITE}"]);
    let merged = server.merge(&inner, Leaked);
    assert_eq!(arguments(&merged), "--serialize --slow=2 --debug=true -- /srv/app.py");
    assert_eq!(merged.choice, Some(Choice::Site));
    assert_eq!(merged.app, server.app);
    assert_eq!(server.merge(&Settings::default(), Leaked), server);
    assert_eq!(Settings::default().merge(&inner, Leaked), inner);
    let other = place(Scope::Location("/x/"), &["NarthexApp shop.web:app", "NarthexDebug off"]);
    let merged = server.merge(&other, Leaked);
    assert_eq!(merged.app.unwrap().base, Base::Path("/x"));
    assert_eq!(arguments(&merged), "--slow=1 --serialize --debug=false -- shop.web:app");
}

#[test]
fn a_path_is_meant_from_where_it_is_written() {
    for (scope, app, target, base) in [
        (Scope::Server, "app.py:app", "/etc/httpd/app.py:app", Base::Path("")),
        (Scope::Location("/"), "./app.py", "/etc/httpd/app.py", Base::Path("")),
        (Scope::Location("/x"), "shop:app", "shop:app", Base::Path("/x")),
        (Scope::Directory("/srv/x/"), "app.py", "/srv/x/app.py", Base::Directory("/srv/x/")),
        (Scope::Directory("/home/*/x/"), "app.py", "app.py", Base::Directory("/home/*/x/")),
        (Scope::Access("/srv/x/"), "../app.py", "/srv/x/../app.py", Base::Access("/srv/x/")),
        (Scope::Access("/srv/x/"), ".:app", "/srv/x/:app", Base::Access("/srv/x/")),
        (Scope::Server, "/srv/a.py:make(x=\"a:b\")", "/srv/a.py:make(x=\"a:b\")", Base::Path("")),
    ] {
        let settings = place(scope, &[&format!("NarthexApp {app}")]);
        assert_eq!(settings.app, Some(App { target, base }), "{app} in {scope:?}");
    }
    let settings = place(
        Scope::Directory("/srv/x/"),
        &["NarthexApp a.py", "NarthexOption chdir work", "NarthexOption access-log -"],
    );
    assert_eq!(arguments(&settings), "--chdir=/srv/x/work --access-log=- -- /srv/x/a.py");
    assert_eq!(Target::new("app.py").in_directory("/home/joe/x"), "/home/joe/x/app.py");
}

#[test]
fn htaccess_chooses_only_groups_and_says_what_is_wrong_at_once() {
    let scope = Scope::Access("/srv/x/");
    let said = |line: &str| apply(&mut Settings::default(), None, scope, line, &Origin::default());
    assert_eq!(said("NarthexProcess group:shop"), Ok(vec![Question::Group("shop".into())]));
    for line in ["NarthexProcess inline", "NarthexProcess %{SITE}", "NarthexGroup a user=root"] {
        assert!(said(line).unwrap_err().contains("configuration of the server"), "{line}");
    }
    assert!(said("NarthexOption slwo 1").unwrap_err().contains("perhaps slow is meant"));
}

#[test]
fn groups_are_those_that_are_defined_and_those_that_are_always_there() {
    let folder = tempfile::tempdir().unwrap();
    let python = environment(folder.path());
    let written = Written::new(&[
        &format!("NarthexPython {python}"),
        "NarthexReload On",
        "NarthexGroup shop processes=4 user=shop reload=off",
        "NarthexGroup shop threads=2",
        "NarthexGroup %{SITE} processes=3",
        "NarthexProcess group:shop",
        "NarthexProcess group:default",
    ]);
    let resolved = resolve(&[written.said()], &NOWHERE);
    assert_eq!(resolved.findings, []);
    let shop = resolved.group("shop").unwrap();
    assert_eq!((shop.processes, shop.threads, shop.reload), (4, Some(2), false));
    assert_eq!(shop.python, folder.path());
    assert!(resolved.group(DEFAULT).unwrap().reload);
    assert_eq!(resolved.group(SITE).unwrap().processes, 3);
    assert!(resolved.inline.is_none());
}

#[test]
fn a_host_with_a_python_of_its_own_has_a_group_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let main = Written::new(&[
        &format!("NarthexPython {}", environment(&one)),
        "NarthexGroup %{SITE} processes=3",
    ]);
    let host = Written::new(&[&format!("NarthexPython {}", environment(&two))]);
    let hosts = [main.said(), Said { key: 2, ..host.said() }, Said { key: 3, ..host.said() }];
    let resolved = resolve(&hosts, &NOWHERE);
    assert_eq!(resolved.findings, []);
    let names: Vec<_> = resolved.sites.iter().map(|(key, name)| (*key, name.as_str())).collect();
    assert_eq!(names, [(2, "site.shop.example"), (3, "site.shop.example.2")]);
    let group = resolved.group("site.shop.example").unwrap();
    assert_eq!((group.python.as_path(), group.processes), (two.as_path(), 3));
    assert_eq!(narthex_broker::Group::check_name(&group.name), Ok(()));
}

#[test]
fn what_is_missing_is_told_from_what_is_wrong() {
    let written = Written::new(&[
        "NarthexPython /nowhere/venv",
        "NarthexGroup shop user=nobody",
        "NarthexApp /nowhere/app.py:app",
        "NarthexDebug perhaps",
        "NarthexProcess group:shpo",
    ]);
    let findings = resolve(&[written.said()], &NOWHERE).findings;
    let mistakes: Vec<_> = findings.iter().map(|it| (it.origin.line, it.is_mistake)).collect();
    assert_eq!(mistakes, [(1, false), (2, false), (3, false), (4, true), (5, true)]);
    assert_eq!(
        findings[2].to_string(),
        "httpd.conf:3: NarthexApp: there is no file /nowhere/app.py"
    );
    let other_user = Written::new(&["NarthexGroup shop python=/ user=shop"]);
    let told = other_user.findings(&Somewhere { root: false, ..NOWHERE });
    assert!(told[0].contains("httpd is not started as root"), "{told:?}");
}

#[test]
fn an_application_needs_a_python() {
    let told = Written::new(&["NarthexApp shop:app"]).findings(&NOWHERE);
    assert!(told[0].contains("this module lies in no environment"), "{told:?}");
    let folder = tempfile::tempdir().unwrap();
    environment(folder.path());
    let native = folder.path().join("lib/python3.11/site-packages/narthex/_native");
    fs::create_dir_all(&native).unwrap();
    let module = native.join("mod_narthex.so");
    fs::write(&module, "").unwrap();
    let inside = Somewhere { module: Some(module), ..NOWHERE };
    let written = Written::new(&["NarthexApp shop:app", "NarthexProcess inline"]);
    let resolved = resolve(&[written.said()], &inside);
    assert_eq!(resolved.findings, []);
    let root = folder.path().canonicalize().unwrap();
    assert_eq!(resolved.group(DEFAULT).unwrap().python, root);
    assert_eq!(resolved.inline.unwrap().interpreter, root.join("bin/python3"));
}

#[test]
fn in_httpd_itself_there_is_one_python_and_no_reload() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let main = Written::new(&[&format!("NarthexPython {}", environment(&one)), "NarthexReload On"]);
    let host =
        Written::new(&[&format!("NarthexPython {}", environment(&two)), "NarthexProcess inline"]);
    let resolved = resolve(&[main.said(), Said { key: 2, ..host.said() }], &NOWHERE);
    let told: Vec<_> = resolved.findings.iter().map(|it| (it.directive, it.is_mistake)).collect();
    assert_eq!(told, [("NarthexReload", true), ("NarthexProcess", true)]);
}

#[test]
fn every_option_that_is_not_known_is_told_where_it_belongs() {
    for (option, advice) in [
        ("bind", "Listen"),
        ("workers", "processes="),
        ("max-rss", "max-rss="),
        ("mount", "<Location"),
        ("static", "Alias"),
        ("trust-proxy", "RemoteIPTrustedProxy"),
    ] {
        let told = Written::new(&[&format!("NarthexOption {option} 1")]).findings(&NOWHERE);
        assert!(told[0].contains(advice), "{told:?}");
    }
}

#[test]
fn applications_have_the_settings_of_the_places_around_them() {
    let location = |path: &str| Where::Location(path.to_owned());
    let places = [
        (Where::Server, place(Scope::Server, &["NarthexProcess inline"])),
        (location("/"), place(Scope::Location("/"), &["NarthexOption slow 1"])),
        (location("/a"), place(Scope::Location("/a"), &["NarthexApp shop:app"])),
        (location("/a/b"), place(Scope::Location("/a/b"), &["NarthexDebug On"])),
        (location("/ab"), place(Scope::Location("/ab"), &["NarthexProcess %{DIR}"])),
    ];
    let found = applications(&places, Leaked);
    let [(Where::Location(path), settings)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(path, "/a");
    assert_eq!(settings.choice, Some(Choice::Inline));
    assert_eq!(arguments(settings), "--slow=1 -- shop:app");
    assert!(!want_groups(&places, Leaked));
    let grouped = place(Scope::Location("/c"), &["NarthexApp shop:app", "NarthexProcess %{DIR}"]);
    assert!(want_groups(&[places[0].clone(), (location("/c"), grouped)], Leaked));
    let guarded = place(Scope::Location("/d"), &["NarthexAuth users:check"]);
    assert!(want_groups(&[(location("/d"), guarded)], Leaked));
}

#[test]
fn a_function_that_decides_has_a_name_and_one_place() {
    let scope = Scope::Access("/srv/x/");
    let settings = place(scope, &["NarthexAuth users.py:check", "NarthexOption access-log -"]);
    let function =
        Function { target: "/srv/x/users.py:check", directory: "/srv/x/", in_access: true };
    assert_eq!((settings.auth, settings.access), (Some(function), None));
    let options = settings.for_functions(Leaked).options;
    assert_eq!(
        options.arguments(None, function.target).join(" "),
        "--api=authorizer -- /srv/x/users.py:check"
    );

    let said = |scope, line: &str| {
        apply(&mut Settings::default(), None, scope, line, &Origin::default()).unwrap_err()
    };
    assert!(said(Scope::Server, "NarthexAccess gate.py").contains("gate.py:NAME"));
    let many = Scope::Directory("/home/*/");
    assert!(said(many, "NarthexAccess gate.py:may").contains("no whole path"));
}
