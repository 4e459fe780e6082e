//! What a child of httpd has: nothing of it is made in the parent, which may load the module anew at
//! any restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use crate::{
    applications::{Applications, Runs, Wanted},
    config::{Base, Choice, DEFAULT, DIRECTORY, Resolved, SITE, Settings, WILDCARDS, applications},
    httpd::{Server, pool::Pool},
    place::Application,
};

/// What a child of httpd has.
#[derive(Debug)]
pub(crate) struct Child {
    applications: Applications,
    /// The groups of servers that have a Python of their own, and what others are called.
    sites: BTreeMap<usize, Site>,
    /// Groups that `.htaccess` may name: those that run as httpd's own user.
    free: BTreeSet<String>,
    /// All groups that are defined.
    groups: BTreeSet<String>,
}

/// The group of a virtual host.
#[derive(Debug)]
struct Site {
    /// Its name and port.
    name: String,
    /// The group, if it has a Python of its own.
    group: Option<String>,
}

static CHILD: OnceLock<Child> = OnceLock::new();

impl Child {
    /// Makes what this process has, once.
    pub(crate) fn begin(main: Server<'_>, resolved: &Resolved) {
        let sites = main.all().map(|server| {
            let name = format!("{}:{}", server.display_name(), server.port());
            (server.key(), Site { name, group: resolved.sites.get(&server.key()).cloned() })
        });
        let named = |groups: &mut dyn Iterator<Item = &narthex_broker::Group>| {
            groups.filter(|group| !group.is_template()).map(|group| group.name.clone()).collect()
        };
        let free = |group: &&narthex_broker::Group| group.user.is_none() && group.group.is_none();
        CHILD.get_or_init(|| Self {
            applications: Applications::default(),
            sites: sites.collect(),
            free: named(&mut resolved.groups.iter().filter(free)),
            groups: named(&mut resolved.groups.iter()),
        });
    }

    /// What this process has; nothing in the parent.
    pub(crate) fn here() -> Option<&'static Self> {
        CHILD.get()
    }

    /// The application of a place, which is in `directory`, be it one of files or of URLs.
    pub(crate) fn application(
        &self,
        settings: &Settings<'_>,
        target: &str,
        directory: &str,
        server: Server<'_>,
    ) -> &'static Application {
        let site = self.sites.get(&server.key());
        let own = site.and_then(|site| site.group.as_deref());
        let runs = match (settings.choice, own) {
            (Some(Choice::Inline), _) => Runs::Inline,
            (Some(Choice::Group(name)), _) => Runs::Group(name),
            (Some(Choice::Site) | None, Some(own)) => Runs::Group(own),
            (Some(Choice::Site), None) => {
                Runs::Instance(SITE, site.map_or("", |site| site.name.as_str()))
            }
            (Some(Choice::Directory), _) => Runs::Instance(DIRECTORY, directory),
            (None, None) => Runs::Group(DEFAULT),
        };
        let (options, debug) = (settings.options, settings.debug);
        self.applications.find(&Wanted { target, options, debug, runs })
    }

    /// The applications that the configuration names and that run in httpd.
    pub(crate) fn inline<'a>(&self, main: Server<'a>, pool: Pool<'a>) -> Vec<&'static Application> {
        let mut found: Vec<&'static Application> = Vec::new();
        for server in main.all() {
            let own = server.is_virtual().then(|| server.places()).into_iter().flatten();
            let places: Vec<_> = main.places().chain(own).collect();
            for (_, settings) in applications(&places, pool) {
                let Some(app) = settings.app else { continue };
                // Of many directories each has an application of its own.
                let is_many = matches!(app.base, Base::Directory(path) if path.contains(WILDCARDS));
                if is_many || settings.choice != Some(Choice::Inline) {
                    continue;
                }
                let application = self.application(&settings, app.target, "", server);
                if !found.iter().any(|known| std::ptr::eq(*known, application)) {
                    found.push(application);
                }
            }
        }
        found
    }

    /// Whether `.htaccess` may choose this group.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may_choose(&self, group: &str) -> Result<(), String> {
        if self.free.contains(group) {
            return Ok(());
        }
        // Whoever may write the file would otherwise be that user.
        Err(if self.groups.contains(group) {
            format!(
                "the group {group} runs as a user of its own, and is chosen in the configuration of \
                 the server only"
            )
        } else {
            format!("the configuration of the server defines no group {group}")
        })
    }
}
