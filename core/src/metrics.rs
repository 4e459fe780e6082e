//! Figures of a server, counted without two threads sharing a cache line, and as Prometheus reads
//! them.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::atomic::{
        AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Relaxed},
    },
    time::Duration,
};

use http::Method;

use crate::Access;

/// The figures of one process.
///
/// Counters only grow; gauges are counted up and down, on whichever thread.
pub struct Metrics {
    shards: Box<[Shard; SHARDS]>,
}

/// As many as threads that count at once, usually.
const SHARDS: usize = 16;

/// The part of the figures that one thread, or one in [`SHARDS`], counts. Processors fetch cache
/// lines in pairs.
#[repr(align(128))]
struct Shard([AtomicU64; LENGTH]);

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// `none`: the client went away, or was cut off, before a response began.
const STATUSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "none"];

/// Upper bounds of the buckets of both histograms, in microseconds.
const BOUNDS: [u64; 17] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// The bounds and infinity.
const BUCKETS: usize = BOUNDS.len() + 1;

// Where each figure is in a snapshot.
const REQUESTS: usize = 0;
const DURATION: usize = REQUESTS + METHODS.len() * STATUSES.len();
const DURATION_SUM: usize = DURATION + BUCKETS;
const QUEUE: usize = DURATION_SUM + 1;
const QUEUE_SUM: usize = QUEUE + BUCKETS;
const SENT: usize = QUEUE_SUM + 1;
const RECEIVED: usize = SENT + 1;
const ACCEPTED: usize = RECEIVED + 1;
const ERRORS: usize = ACCEPTED + 1;
const REFUSED: usize = ERRORS + 1;
/// From here on gauges.
const OPEN: usize = REFUSED + 1;
const IN_FLIGHT: usize = OPEN + 1;
const LENGTH: usize = IN_FLIGHT + 1;

impl Metrics {
    /// Figures that are all zero.
    #[must_use]
    pub fn new() -> Self {
        let shard = || Shard(std::array::from_fn(|_| AtomicU64::new(0)));
        Self { shards: Box::new(std::array::from_fn(|_| shard())) }
    }

    /// Counts a request that is being answered, until [`ended`](Self::ended).
    pub fn began(&self) {
        self.count(IN_FLIGHT, 1);
    }

    /// Counts the end of a request that has [begun](Self::began).
    pub fn ended(&self) {
        self.count(IN_FLIGHT, u64::MAX); // one less
    }

    /// Counts an answered request.
    pub fn answered(&self, access: &Access<'_>) {
        let method = access.request.map_or(METHODS.len() - 1, |request| method(&request.method));
        let status = match access.status / 100 {
            hundreds @ 2..=5 => usize::from(hundreds - 2),
            _ => STATUSES.len() - 1,
        };
        self.count(REQUESTS + method * STATUSES.len() + status, 1);
        self.time(DURATION, DURATION_SUM, access.elapsed);
        self.count(SENT, access.bytes);
        if access.received > 0 {
            self.count(RECEIVED, access.received);
        }
    }

    /// Counts the time from a request's arrival to the call of the application.
    pub fn queued(&self, time: Duration) {
        self.time(QUEUE, QUEUE_SUM, time);
    }

    /// Counts a connection that was accepted, and is open until it has [`closed`](Self::closed).
    pub fn accepted(&self) {
        self.count(ACCEPTED, 1);
        self.count(OPEN, 1);
    }

    /// Counts the end of a connection.
    pub fn closed(&self) {
        self.count(OPEN, u64::MAX); // one less
    }

    /// Counts a request that failed through the application's or the server's fault.
    pub fn failed(&self) {
        self.count(ERRORS, 1);
    }

    /// Counts a request that was refused.
    pub fn refused(&self) {
        self.count(REFUSED, 1);
    }

    /// All figures of this process, in an order that only this version knows.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u64> {
        let sum = |index: usize| {
            let parts = self.shards.iter().map(|shard| shard.0[index].load(Relaxed));
            parts.fold(0, u64::wrapping_add)
        };
        (0..LENGTH).map(sum).collect()
    }

    fn time(&self, buckets: usize, sum: usize, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|&bound| micros <= bound).unwrap_or(BOUNDS.len());
        self.count(buckets + bucket, 1);
        self.count(sum, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn count(&self, index: usize, by: u64) {
        self.shards[shard()].0[index].fetch_add(by, Relaxed);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.snapshot()).finish()
    }
}

/// The shard of the calling thread.
fn shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(THREADS.fetch_add(1, AcqRel) % SHARDS);
        }
        shard.get()
    })
}

fn method(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        _ => METHODS.len() - 1,
    }
}

/// The figures of all processes of a server, as one of them gathers them.
///
/// What processes that have ended counted stays in the sums: no counter goes back when a process
/// is replaced.
#[derive(Clone, Debug, Default)]
pub struct Aggregate {
    living: BTreeMap<u32, Vec<u64>>,
    retired: Vec<u64>,
    restarts: u64,
}

impl Aggregate {
    /// No figures yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the latest [snapshot](Metrics::snapshot) of a process.
    pub fn report(&mut self, process: u32, snapshot: &[u64]) {
        if snapshot.len() == LENGTH {
            self.living.insert(process, snapshot.to_vec());
        }
    }

    /// Notes that a process has ended, after its last report has been read.
    pub fn retire(&mut self, process: u32) {
        let Some(last) = self.living.remove(&process) else { return };
        self.retired.resize(LENGTH, 0);
        for (sum, last) in self.retired.iter_mut().zip(&last[..OPEN]) {
            *sum = sum.wrapping_add(*last);
        }
    }

    /// Notes that a process was started in another one's place.
    pub fn restarted(&mut self) {
        self.restarts += 1;
    }

    /// The figures in the text format of Prometheus; `resident` is the memory of a process in bytes.
    #[must_use]
    pub fn render(&self, resident: impl Fn(u32) -> Option<u64>) -> String {
        let mut total = self.retired.clone();
        total.resize(LENGTH, 0);
        for snapshot in self.living.values() {
            for (sum, figure) in total.iter_mut().zip(snapshot) {
                *sum = sum.wrapping_add(*figure);
            }
        }
        let mut page = Page(String::with_capacity(8 << 10));
        page.requests(&total);
        for (name, help, index) in COUNTERS {
            page.single(name, "counter", help, total[index]);
        }
        let restarts = "Worker processes that were started in another one's place.";
        page.single("narthex_worker_restarts_total", "counter", restarts, self.restarts);
        for (name, help, index) in GAUGES {
            page.single(name, "gauge", help, total[index]);
        }
        page.memory(self.living.keys().map(|&process| (process, resident(process))));
        for (name, help, buckets, sum) in HISTOGRAMS {
            page.histogram(name, help, &total[buckets..buckets + BUCKETS], total[sum]);
        }
        page.0
    }
}

const COUNTERS: [(&str, &str, usize); 5] = [
    ("narthex_http_response_bytes_total", "Bytes of response bodies sent.", SENT),
    ("narthex_http_request_bytes_total", "Bytes of request bodies received.", RECEIVED),
    ("narthex_connections_accepted_total", "Connections accepted.", ACCEPTED),
    (
        "narthex_application_errors_total",
        "Requests that failed in the application or the server.",
        ERRORS,
    ),
    ("narthex_http_requests_refused_total", "Requests refused for what they are.", REFUSED),
];

const GAUGES: [(&str, &str, usize); 2] = [
    ("narthex_connections_open", "Connections that are open.", OPEN),
    ("narthex_http_requests_in_flight", "Requests that are being answered.", IN_FLIGHT),
];

const HISTOGRAMS: [(&str, &str, usize, usize); 2] = [
    (
        "narthex_http_request_duration_seconds",
        "From a request's head to the last byte handed to the transport.",
        DURATION,
        DURATION_SUM,
    ),
    (
        "narthex_http_request_queue_seconds",
        "From a request's head to the call of the application.",
        QUEUE,
        QUEUE_SUM,
    ),
];

/// A page of figures.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.line(format_args!("{name} {value}"));
    }

    fn requests(&mut self, total: &[u64]) {
        let name = "narthex_http_requests_total";
        self.head(name, "counter", "Requests answered.");
        for (row, method) in METHODS.iter().enumerate() {
            for (column, status) in STATUSES.iter().enumerate() {
                let value = total[REQUESTS + row * STATUSES.len() + column];
                let labels = format_args!("{{method=\"{method}\",status=\"{status}\"}}");
                self.line(format_args!("{name}{labels} {value}"));
            }
        }
    }

    fn memory(&mut self, processes: impl Iterator<Item = (u32, Option<u64>)>) {
        let name = "narthex_process_resident_memory_bytes";
        self.head(name, "gauge", "Resident memory of each process.");
        for (process, resident) in processes {
            if let Some(resident) = resident {
                self.line(format_args!("{name}{{pid=\"{process}\"}} {resident}"));
            }
        }
    }

    /// A histogram of times: `sum` is in nanoseconds.
    fn histogram(&mut self, name: &str, help: &str, buckets: &[u64], sum: u64) {
        self.head(name, "histogram", help);
        let mut count = 0_u64;
        for (index, bucket) in buckets.iter().enumerate() {
            count = count.wrapping_add(*bucket);
            match BOUNDS.get(index) {
                Some(&bound) => {
                    let bound = Duration::from_micros(bound).as_secs_f64();
                    self.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
                }
                None => self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {count}")),
            }
        }
        let sum = Duration::from_nanos(sum).as_secs_f64();
        self.line(format_args!("{name}_sum {sum}"));
        self.line(format_args!("{name}_count {count}"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestHead;

    fn answer(metrics: &Metrics, method: Method, status: u16, micros: u64) {
        let request = RequestHead { method, ..RequestHead::default() };
        let mut access = Access::new(Some(&request), b"", status);
        access.bytes = 10;
        access.received = 3;
        access.elapsed = Duration::from_micros(micros);
        metrics.answered(&access);
    }

    fn value(page: &str, series: &str) -> String {
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in {page}")).to_owned()
    }

    #[test]
    fn requests_are_counted_by_method_and_status() {
        let metrics = Metrics::new();
        for (method, status) in [("GET", 200), ("GET", 204), ("POST", 404), ("BREW", 503)] {
            answer(&metrics, method.parse().unwrap(), status, 1);
        }
        answer(&metrics, Method::GET, 0, 1);
        metrics.answered(&Access::new(None, b"", 400));
        let mut all = Aggregate::new();
        all.report(1, &metrics.snapshot());
        let page = all.render(|_| Some(4096));
        let requests = |method: &str, status: &str| {
            let labels = format!("{{method=\"{method}\",status=\"{status}\"}}");
            value(&page, &format!("narthex_http_requests_total{labels}"))
        };
        assert_eq!(requests("GET", "2xx"), "2");
        assert_eq!(requests("GET", "none"), "1");
        assert_eq!(requests("POST", "4xx"), "1");
        assert_eq!(requests("other", "5xx"), "1");
        assert_eq!(requests("other", "4xx"), "1");
        assert_eq!(requests("PUT", "2xx"), "0");
        assert_eq!(value(&page, "narthex_http_response_bytes_total"), "50");
        assert_eq!(value(&page, "narthex_http_request_bytes_total"), "15");
        assert_eq!(value(&page, "narthex_process_resident_memory_bytes{pid=\"1\"}"), "4096");
    }

    #[test]
    fn times_fall_into_cumulative_buckets() {
        let metrics = Metrics::new();
        for micros in [0, 100, 101, 1_000_000, 60_000_000] {
            answer(&metrics, Method::GET, 200, micros);
        }
        metrics.queued(Duration::from_micros(700));
        let mut all = Aggregate::new();
        all.report(1, &metrics.snapshot());
        let page = all.render(|_| None);
        let duration =
            |rest: &str| value(&page, &format!("narthex_http_request_duration_seconds{rest}"));
        assert_eq!(duration("_bucket{le=\"0.0001\"}"), "2");
        assert_eq!(duration("_bucket{le=\"0.00025\"}"), "3");
        assert_eq!(duration("_bucket{le=\"1\"}"), "4");
        assert_eq!(duration("_bucket{le=\"30\"}"), "4");
        assert_eq!(duration("_bucket{le=\"+Inf\"}"), "5");
        assert_eq!(duration("_count"), "5");
        assert_eq!(duration("_sum"), "61.000201");
        assert_eq!(value(&page, "narthex_http_request_queue_seconds_bucket{le=\"0.0005\"}"), "0");
        assert_eq!(value(&page, "narthex_http_request_queue_seconds_sum"), "0.0007");
        assert!(!page.contains("resident_memory_bytes{"));
    }

    #[test]
    fn counters_of_ended_processes_stay_and_their_gauges_go() {
        let (first, second) = (Metrics::new(), Metrics::new());
        let mut all = Aggregate::new();
        answer(&first, Method::GET, 200, 1);
        first.accepted();
        first.began();
        all.report(1, &first.snapshot());
        answer(&first, Method::GET, 200, 1);
        all.report(1, &first.snapshot());
        all.retire(1);
        all.restarted();
        answer(&second, Method::GET, 200, 1);
        second.accepted();
        all.report(2, &second.snapshot());
        let page = all.render(|_| None);
        let requests = "narthex_http_requests_total{method=\"GET\",status=\"2xx\"}";
        assert_eq!(value(&page, requests), "3");
        assert_eq!(value(&page, "narthex_connections_accepted_total"), "2");
        assert_eq!(value(&page, "narthex_connections_open"), "1");
        assert_eq!(value(&page, "narthex_http_requests_in_flight"), "0");
        assert_eq!(value(&page, "narthex_worker_restarts_total"), "1");
        second.closed();
        assert_eq!(second.snapshot()[OPEN], 0);
    }

    #[test]
    fn a_gauge_counted_down_on_another_thread_is_right() {
        let metrics = Metrics::new();
        metrics.began();
        std::thread::scope(|scope| scope.spawn(|| metrics.ended()).join().unwrap());
        assert_eq!(metrics.snapshot()[IN_FLIGHT], 0);
    }

    #[test]
    fn a_report_of_another_version_is_not_taken() {
        let mut all = Aggregate::new();
        all.report(1, &[1, 2, 3]);
        all.retire(1);
        assert_eq!(value(&all.render(|_| None), "narthex_connections_accepted_total"), "0");
    }
}
