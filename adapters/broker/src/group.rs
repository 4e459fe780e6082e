//! What a group of worker processes is like.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use narthex_core::quantity::{seconds, size};

use crate::{identity::Identity, python::interpreter};

/// The group of what has not been given one.
pub const DEFAULT: &str = "default";

/// The longest name of a group.
const LONGEST: usize = 255;

/// The settings of a group, as `NarthexGroup NAME key=value…` makes them.
///
/// [`Group::set`] takes one `key=value`; [`Group::settings`] gives them back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// Its name, or a template of names: see [`Group::is_template`].
    pub name: String,
    /// A directory of a virtual environment, or an interpreter.
    pub python: PathBuf,
    /// The user that its processes run as, by name or number; by default httpd's.
    pub user: Option<String>,
    /// The group that its processes run as; by default the user's own.
    pub group: Option<String>,
    /// What its processes keep others from doing with the files that they make.
    pub umask: u32,
    /// The directory in which its processes start; by default the user's home, or else the root.
    pub chdir: Option<PathBuf>,
    /// How many processes a pool has.
    pub processes: u16,
    /// How many threads a process answers requests with; by default Narthex chooses.
    pub threads: Option<u16>,
    /// Resident bytes from which on a process is replaced.
    pub max_rss: Option<u64>,
    /// Requests after which a process is replaced.
    pub max_requests: Option<u64>,
    /// How long a request may take before the client gets 504 and the process is replaced.
    pub timeout: Option<Duration>,
    /// How long there may be no request before the processes of a pool end; they come back with the
    /// next one. `None`: they stay.
    pub idle: Option<Duration>,
    /// Requests that may wait while all processes are busy, or none has started yet.
    pub queue: u16,
    /// How long a process may take to be ready.
    pub start_timeout: Duration,
    /// How long running requests may take to end when a process is told to.
    pub graceful: Duration,
    /// Variables of the processes' environment, in which nothing of httpd's is.
    pub env: Vec<(String, Vec<u8>)>,
    /// Whether the application is loaded anew when its files change.
    pub reload: bool,
}

impl Group {
    /// What each key that [`set`](Self::set) knows is.
    pub const KEYS: [(&'static str, &'static str); 16] = [
        ("python", "directory of a virtual environment, or an interpreter"),
        ("user", "user of the processes, by name or number"),
        ("group", "group of the processes, by name or number"),
        ("umask", "octal, such as 027"),
        ("chdir", "directory in which the processes start"),
        ("processes", "processes of each application"),
        ("threads", "threads of each process"),
        ("max-rss", "memory from which on a process is replaced, such as 500M"),
        ("max-requests", "requests after which a process is replaced"),
        ("timeout", "seconds that a request may take"),
        ("idle", "seconds without requests after which the processes end, or never"),
        ("queue", "requests that may wait"),
        ("start-timeout", "seconds that a process may take to be ready"),
        ("graceful", "seconds that running requests may take when a process ends"),
        ("env", "a variable for the processes, as env=NAME=value"),
        ("reload", "on: a change of the application's files restarts it"),
    ];

    /// A group with the default settings.
    #[must_use]
    pub fn new(name: impl Into<String>, python: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            python: python.into(),
            user: None,
            group: None,
            umask: 0o022,
            chdir: None,
            processes: 1,
            threads: None,
            max_rss: None,
            max_requests: None,
            timeout: None,
            idle: Some(Duration::from_secs(300)),
            queue: 100,
            start_timeout: Duration::from_secs(60),
            graceful: Duration::from_secs(30),
            env: Vec::new(),
            reload: false,
        }
    }

    /// Whether the name stands for many, as `%{DIR}` does: such a group is opened by an
    /// [`instance`](Self::instance) of it, and each has processes of its own.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.name.starts_with("%{")
    }

    /// What the group that `template` gives for `instance` is called.
    #[must_use]
    pub fn instance(template: &str, instance: &str) -> String {
        format!("{template}:{instance}")
    }

    /// Whether `name` is this group, or one that its template gives.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        match name.strip_prefix(&self.name) {
            Some("") => !self.is_template(),
            Some(rest) => self.is_template() && rest.len() > 1 && rest.starts_with(':'),
            None => false,
        }
    }

    /// Refuses a name that no group can have.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check_name(name: &str) -> Result<(), String> {
        let template = name.starts_with("%{") && name.ends_with('}');
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let inner = if template { &name[2..name.len() - 1] } else { name };
        if inner.is_empty() || name.len() > LONGEST || name.starts_with('.') {
            return Err(format!("\"{name}\" is no name of a group: write a word, such as shop"));
        }
        if !inner.chars().all(plain) {
            return Err(format!(
                "\"{name}\" is no name of a group: it may have letters, digits, . _ and -"
            ));
        }
        Ok(())
    }

    /// Everything on this system that keeps its processes from starting, as lines for people: for a
    /// look at the configuration. Who looks may see less than those who will start them.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let user = self.user.as_deref().map(|user| Identity::of(user, self.group.as_deref()));
        let python = interpreter(&self.python);
        let chdir = self.chdir.as_deref().filter(|path| path.exists() && !path.is_dir());
        let chdir = chdir.map(|path| format!("chdir={} is no directory", path.display()));
        [user.and_then(Result::err), python.err(), chdir].into_iter().flatten().collect()
    }

    /// Changes one setting, as a person wrote it.
    ///
    /// # Errors
    /// What is wrong, for people: without the place, which the caller knows.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        self.set_bytes(key, value.as_bytes())
    }

    pub(crate) fn set_bytes(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let wrong = |why: &str| {
            let value = String::from_utf8_lossy(value);
            format!("{key}={value}: {why}")
        };
        if value.is_empty() || value.contains(&0) {
            return Err(format!("{key}= has no value: {}", meaning(key)?));
        }
        let text = || std::str::from_utf8(value).map_err(|_| wrong("is no text"));
        let number = |least: u64, most: u64| {
            let number = text()?.parse::<u64>().ok().filter(|it| (least..=most).contains(it));
            number.ok_or_else(|| wrong(&format!("write a number from {least} to {most}")))
        };
        let time = || seconds(text()?).map_err(|why| wrong(&why));
        let some_time = || time().map(|time| (!time.is_zero()).then_some(time));
        let small = |most| number(1, most).map(|number| u16::try_from(number).unwrap_or(u16::MAX));
        match key {
            "python" => self.python = absolute(value).map_err(|why| wrong(&why))?,
            "chdir" => self.chdir = Some(absolute(value).map_err(|why| wrong(&why))?),
            "user" => self.user = Some(text()?.to_owned()),
            "group" => self.group = Some(text()?.to_owned()),
            "umask" => self.umask = mask(text()?).ok_or_else(|| wrong("write it octal: 027"))?,
            "processes" => self.processes = small(1024)?,
            "threads" => self.threads = Some(small(1024)?),
            "max-rss" => self.max_rss = Some(size(text()?).map_err(|why| wrong(&why))?),
            "max-requests" => self.max_requests = Some(number(1, u64::MAX)?),
            "timeout" => self.timeout = some_time()?,
            "idle" => self.idle = if value == b"never" { None } else { some_time()? },
            "queue" => self.queue = small(u64::from(u16::MAX))?,
            "start-timeout" => self.start_timeout = time()?,
            "graceful" => self.graceful = time()?,
            "reload" => self.reload = switch(text()?).ok_or_else(|| wrong("write on or off"))?,
            "env" => {
                let (name, value) = variable(value).ok_or_else(|| wrong("write NAME=value"))?;
                self.env.retain(|(known, _)| *known != name);
                self.env.push((name, value));
            }
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    /// The settings as keys and values: what [`set`](Self::set) takes to make this group of a new one.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, Vec<u8>)> {
        let time = |time: Duration| format!("{}", time.as_secs_f64()).into_bytes();
        let path = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let number = |number: u64| number.to_string().into_bytes();
        let word = |text: &String| text.clone().into_bytes();
        let mut list = vec![
            ("python", path(&self.python)),
            ("umask", format!("{:03o}", self.umask).into_bytes()),
            ("processes", number(self.processes.into())),
            ("idle", self.idle.map_or_else(|| b"never".to_vec(), time)),
            ("queue", number(self.queue.into())),
            ("start-timeout", time(self.start_timeout)),
            ("graceful", time(self.graceful)),
            ("reload", if self.reload { b"on".to_vec() } else { b"off".to_vec() }),
        ];
        let optional = [
            ("user", self.user.as_ref().map(word)),
            ("group", self.group.as_ref().map(word)),
            ("chdir", self.chdir.as_deref().map(path)),
            ("threads", self.threads.map(|it| number(it.into()))),
            ("max-rss", self.max_rss.map(number)),
            ("max-requests", self.max_requests.map(number)),
            ("timeout", self.timeout.map(time)),
        ];
        list.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
        let env =
            self.env.iter().map(|(name, value)| ("env", [name.as_bytes(), value].join(&b'=')));
        list.extend(env);
        list
    }
}

/// What a key means.
fn meaning(key: &str) -> Result<&'static str, String> {
    let found = Group::KEYS.iter().find(|(known, _)| *known == key);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| unknown(key))
}

fn unknown(key: &str) -> String {
    let mut text = format!("there is no setting {key}; there are");
    for (index, (known, _)) in Group::KEYS.iter().enumerate() {
        let _ = write!(text, "{} {known}", if index == 0 { "" } else { "," });
    }
    text
}

fn absolute(value: &[u8]) -> Result<PathBuf, String> {
    let path = Path::new(OsStr::from_bytes(value));
    if path.is_absolute() { Ok(path.to_owned()) } else { Err("write a whole path".to_owned()) }
}

fn mask(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    u32::from_str_radix(text, 8).ok().filter(|&mask| mask <= 0o777 && digits)
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn variable(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = text.iter().position(|&byte| byte == b'=')?;
    let name = std::str::from_utf8(&text[..end]).ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let good = !name.is_empty()
        && name.bytes().all(plain)
        && !name.starts_with(|first: char| first.is_ascii_digit());
    good.then(|| (name.to_owned(), text[end + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_what_was_written() {
        let mut group = Group::new("shop", "/usr");
        for (key, value) in [
            ("python", "/srv/shop/.venv"),
            ("user", "shop"),
            ("umask", "027"),
            ("processes", "4"),
            ("threads", "8"),
            ("max-rss", "500M"),
            ("max-requests", "1000"),
            ("timeout", "30"),
            ("idle", "0.5"),
            ("queue", "7"),
            ("env", "A=1"),
            ("env", "B=x=y z"),
            ("env", "A=2"),
            ("reload", "On"),
        ] {
            group.set(key, value).unwrap();
        }
        assert_eq!(group.python, Path::new("/srv/shop/.venv"));
        assert_eq!((group.umask, group.processes, group.threads), (0o027, 4, Some(8)));
        assert_eq!((group.max_rss, group.max_requests), (Some(500 << 20), Some(1000)));
        assert_eq!(group.timeout, Some(Duration::from_secs(30)));
        assert_eq!(group.idle, Some(Duration::from_millis(500)));
        assert_eq!(group.env, [("B".into(), b"x=y z".to_vec()), ("A".into(), b"2".to_vec())]);
        assert!(group.reload);
        let mut again = Group::new("shop", "/");
        for (key, value) in group.settings() {
            again.set_bytes(key, &value).unwrap();
        }
        assert_eq!(again, group);
    }

    #[test]
    fn what_cannot_be_set_is_explained() {
        let mut group = Group::new("shop", "/usr");
        for (key, value, why) in [
            ("colour", "red", "there is no setting colour; there are python, user"),
            ("python", "venv", "python=venv: write a whole path"),
            ("python", "", "python= has no value: directory of a virtual environment"),
            ("umask", "888", "octal"),
            ("umask", "+22", "octal"),
            ("processes", "0", "from 1 to 1024"),
            ("threads", "many", "from 1 to 1024"),
            ("max-rss", "lots", "500"),
            ("timeout", "-1", "number of seconds"),
            ("env", "1A=b", "write NAME=value"),
            ("env", "A", "write NAME=value"),
            ("reload", "yes", "write on or off"),
        ] {
            let told = group.set(key, value).unwrap_err();
            assert!(told.contains(why) || (key == "max-rss" && told.contains("10M")), "{told}");
        }
        assert_eq!(group, Group::new("shop", "/usr"));
    }

    #[test]
    fn templates_stand_for_many() {
        let shop = Group::new("shop", "/usr");
        assert!(shop.is_called("shop") && !shop.is_called("shop:x") && !shop.is_called("sho"));
        let each = Group::new("%{DIR}", "/usr");
        assert!(each.is_called(&Group::instance("%{DIR}", "/srv/www")));
        assert!(!each.is_called("%{DIR}") && !each.is_called("%{DIR}:") && !each.is_called("/srv"));
        for good in ["shop", "a.b-c_1", "%{DIR}", "%{SITE}"] {
            assert_eq!(Group::check_name(good), Ok(()));
        }
        for bad in ["", "a b", ".x", "%{}", "a/b", "%{A B}", "Bücher", "%{"] {
            assert!(Group::check_name(bad).is_err(), "{bad}");
        }
    }
}
