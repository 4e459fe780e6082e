//! `narthex status`, `reload` and `stop`, for each group and for all.

use std::{collections::BTreeMap, fmt::Write as _, time::Instant};

use narthex_broker::{DEFAULT, Definition};
use narthex_core::Level;
use narthex_supervisor::{
    Waits,
    control::{Request, Server},
    runtime,
};

use crate::{log, pool::Pool};

/// The sockets for commands: of each group, and of the whole by the name that it has.
#[derive(Default)]
pub(crate) struct Orders {
    posts: BTreeMap<String, Post>,
}

/// Where commands for some pools arrive.
struct Post {
    server: Server,
    /// The group; `None` for all.
    group: Option<String>,
    /// Reloads that were asked for.
    reloads: u64,
    /// What the commands wait for whose pools are reloading or ending.
    busy: Option<Busy>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Busy {
    Reloading,
    Stopping,
}

/// A pool and the group that it is of.
pub(crate) type Member<'a> = (&'a str, &'a mut Pool);

impl Orders {
    /// Listens for what this definition names, and no longer for what it does not.
    pub(crate) fn define(&mut self, definition: &Definition) {
        let groups = definition.groups.iter().filter(|group| !group.is_template());
        let groups = groups.map(|group| (group.name.clone(), Some(group.name.clone())));
        let mut names: BTreeMap<_, _> = groups.collect();
        names.insert(definition.name.clone(), None);
        self.posts.retain(|name, post| names.get(name) == Some(&post.group));
        for (name, group) in names {
            if self.posts.contains_key(&name) {
                continue;
            }
            match listen(&name) {
                Ok(server) => {
                    let post = Post { server, group, reloads: 0, busy: None };
                    self.posts.insert(name, post);
                }
                Err(why) => {
                    let what = format_args!("no narthex status, reload, stop {name}: {why}");
                    // Each httpd has this one, which nobody has named.
                    let level = if name == DEFAULT { Level::Debug } else { Level::Warning };
                    log::write(level, &what);
                }
            }
        }
    }

    /// Obeys what has come.
    pub(crate) fn obey(&mut self, pools: &mut [Member<'_>]) {
        for (name, post) in &mut self.posts {
            post.obey(name, &mut own(post.group.as_ref(), pools));
        }
    }

    /// Answers what is done: after the pools have had their turn, since nothing else may wake it.
    pub(crate) fn finish(&mut self, pools: &mut [Member<'_>]) {
        for post in self.posts.values_mut() {
            post.finish(&mut own(post.group.as_ref(), pools));
        }
    }

    /// Names what the next turn waits for.
    pub(crate) fn waits<'a>(&'a self, waits: &mut Waits<'a>) {
        for post in self.posts.values() {
            post.server.descriptors().for_each(|descriptor| waits.input(descriptor));
            waits.until(post.server.deadline());
        }
    }
}

/// The pools of a group, or all.
fn own<'a>(group: Option<&String>, pools: &'a mut [Member<'_>]) -> Vec<&'a mut Pool> {
    let is_own = |name: &str| group.is_none_or(|own| own == name);
    let own = pools.iter_mut().filter(|(name, _)| is_own(name));
    own.map(|(_, pool)| &mut **pool).collect()
}

fn listen(name: &str) -> Result<Server, String> {
    let socket = runtime::Directory::open().and_then(|directory| directory.listen(name));
    let server = socket.map(Server::new).map_err(|error| error.to_string())?;
    server.map_err(|error| error.to_string())
}

impl Post {
    fn obey(&mut self, name: &str, pools: &mut [&mut Pool]) {
        for (place, request) in self.server.requests(Instant::now()) {
            match request {
                Request::Status { json } => {
                    self.server.answer(place, &status(name, pools, json));
                    continue;
                }
                Request::Reload => {
                    log::write(Level::Info, &format_args!("narthex reload {name}"));
                    for pool in &mut *pools {
                        pool.reload("narthex reload");
                    }
                    self.busy.get_or_insert(Busy::Reloading);
                }
                Request::Stop(manner) => {
                    log::write(Level::Info, &format_args!("narthex stop {name}"));
                    for pool in &mut *pools {
                        pool.stop(manner);
                    }
                    self.busy = Some(Busy::Stopping);
                }
            }
            self.reloads += 1;
            self.server.put_off(place, self.reloads);
        }
        self.server.let_go();
    }

    /// Answers those who wait, when nothing is going on any more.
    fn finish(&mut self, pools: &mut [&mut Pool]) {
        let goes_on = match self.busy {
            None => return,
            Some(Busy::Reloading) => pools.iter().any(|pool| pool.is_reloading()),
            Some(Busy::Stopping) => pools.iter().any(|pool| pool.is_ending()),
        };
        if !goes_on {
            let failures: Vec<_> = pools.iter_mut().filter_map(|pool| pool.failure()).collect();
            let outcome = if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) };
            let what = match self.busy.take() {
                Some(Busy::Stopping) => "stopped: the next request starts it again",
                _ => "reloaded",
            };
            self.server.done(self.reloads, what, &outcome);
        }
    }
}

/// How the pools are.
fn status(name: &str, pools: &[&mut Pool], json: bool) -> String {
    let shown: Vec<_> = pools.iter().filter_map(|pool| pool.status(json)).collect();
    let process = std::process::id();
    if json {
        let shown: Vec<_> = shown.iter().map(|text| text.trim_end()).collect();
        let shown = shown.join(",");
        return format!("{{\"name\":\"{name}\",\"pid\":{process},\"pools\":[{shown}]}}\n");
    }
    let (all, running) = (pools.len(), shown.len());
    let mut text = format!("{name}: broker {process}, {running} of {all} applications run\n");
    for one in shown {
        let _ = write!(text, "\n{one}");
    }
    text
}
