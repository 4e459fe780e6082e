//! What `narthex status` shows.

use std::fmt::Write as _;

/// A server and its workers at one moment.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) name: String,
    pub(crate) process: u32,
    /// Seconds since the start.
    pub(crate) uptime: u64,
    pub(crate) wanted: usize,
    pub(crate) serving: usize,
    pub(crate) reloading: bool,
    /// Workers that ended by themselves.
    pub(crate) deaths: u64,
    pub(crate) reloads: u64,
    pub(crate) workers: Vec<WorkerStatus>,
}

/// A worker at one moment.
#[derive(Debug)]
pub(crate) struct WorkerStatus {
    pub(crate) process: u32,
    pub(crate) standing: &'static str,
    /// Seconds since its start.
    pub(crate) age: u64,
    /// Bytes resident.
    pub(crate) memory: u64,
}

impl Status {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let Self { name, process, serving, wanted, reloads, deaths, .. } = self;
        let uptime = duration(self.uptime);
        let mut text = format!(
            "{name}: process {process}, up {uptime}, {serving} of {wanted} workers serve{}\n\
             reloads {reloads}, workers that ended by themselves {deaths}\n\
             \n{:>9}  {:<9} {:>9} {:>10}\n",
            if self.reloading { ", reloading" } else { "" },
            "process",
            "state",
            "age",
            "memory",
        );
        for worker in &self.workers {
            let _ = writeln!(
                text,
                "{:>9}  {:<9} {:>9} {:>6} MiB",
                worker.process,
                worker.standing,
                duration(worker.age),
                worker.memory >> 20,
            );
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let Self { name, process, uptime, wanted, serving, reloading, deaths, reloads, .. } = self;
        let workers: Vec<_> = self.workers.iter().map(WorkerStatus::json).collect();
        let name = escaped(name);
        format!(
            "{{\"name\":\"{name}\",\"pid\":{process},\"uptime\":{uptime},\"wanted\":{wanted},\
             \"serving\":{serving},\"reloading\":{reloading},\"deaths\":{deaths},\
             \"reloads\":{reloads},\"workers\":[{}]}}\n",
            workers.join(",")
        )
    }
}

impl WorkerStatus {
    fn json(&self) -> String {
        let Self { process, standing, age, memory } = self;
        format!("{{\"pid\":{process},\"state\":\"{standing}\",\"age\":{age},\"rss\":{memory}}}")
    }
}

/// A text as JSON has it between quotes (RFC 8259, section 7).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            '\0'..='\x1f' => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_for_programs() {
        assert_eq!(escaped("a \"b\" \\ \n é"), "a \\\"b\\\" \\\\ \\u000a é");
    }

    #[test]
    fn people_and_programs_are_told_the_same() {
        let worker = WorkerStatus { process: 8, standing: "serving", age: 61, memory: 20 << 20 };
        let status = Status {
            name: "shop".into(),
            process: 7,
            uptime: 90_061,
            wanted: 2,
            serving: 1,
            reloading: true,
            deaths: 3,
            reloads: 4,
            workers: vec![worker],
        };
        assert_eq!(
            status.text(),
            "shop: process 7, up 1d01h, 1 of 2 workers serve, reloading\n\
             reloads 4, workers that ended by themselves 3\n\n\
             \x20 process  state           age     memory\n\
             \x20       8  serving       1m01s     20 MiB\n"
        );
        assert_eq!(
            status.json(),
            "{\"name\":\"shop\",\"pid\":7,\"uptime\":90061,\"wanted\":2,\"serving\":1,\
             \"reloading\":true,\"deaths\":3,\"reloads\":4,\"workers\":[{\"pid\":8,\
             \"state\":\"serving\",\"age\":61,\"rss\":20971520}]}\n"
        );
    }
}
