//! Where a fault is done: a wire with a sender of 1,000 frames a second, the program that counts
//! them, a scraper that asks once a second, and the account at the end.

use crate::Row;
use crate::e2e::netns::NetNs;
use crate::e2e::support::http::{self, Answer};
use crate::e2e::wire::Wire;
use crate::e2e::{BINARY, PORT, Process, command_in, exposition, of_threads, wait_for};
use exposition::{Body, parse};
use multicast_exporter::craft::Host;
use multicast_exporter::craft::mdns::Query;
use multicast_exporter::time::{Time, clock};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Frames that the sender sends at once, and how often: 1,000 a second.
const BURST: u64 = 10;
const EVERY: Duration = Duration::from_millis(10);
/// What is measured before the fault, and after it.
const CALM: Duration = Duration::from_secs(2);
/// What the program is started with.
pub struct Start {
    pub flags: Vec<String>,
    pub variables: Vec<(&'static str, &'static str)>,
    /// Words before the program's, such as those of a shell that sets limits.
    pub before: Vec<&'static str>,
    /// Where its log goes, if it is not kept.
    pub errors: Option<Stdio>,
    /// A folder that the fault is about.
    pub folder: Option<PathBuf>,
    /// What has to live as long as it does.
    pub keep: Vec<Box<dyn std::any::Any + Send>>,
}

impl Start {
    /// With one interface, and nothing of its own on the wire.
    pub fn new() -> Self {
        let flags = ["--capture.interface=b0", "--no-capture.join"].map(str::to_owned);
        let (variables, before, keep) = (Vec::new(), Vec::new(), Vec::new());
        Self { flags: flags.into(), variables, before, errors: None, folder: None, keep }
    }
}

/// What is promised of a fault.
#[derive(Clone, Copy)]
pub struct Promise {
    /// Frames that are neither counted nor counted as dropped.
    pub lost: u64,
    /// Scrapes that fail or take longer than the next.
    pub scrapes_failed: usize,
    /// A scrape that takes longer is too late.
    pub scraped_within: Duration,
    /// From the end of the fault until the counters move again.
    pub back_within: Duration,
    /// From SIGTERM to the end.
    pub ends_within: Duration,
}

/// One scrape.
struct Scrape {
    at: Time,
    took: Duration,
    /// `None` if it failed.
    body: Option<Body>,
}

/// A running site.
pub struct Site {
    pub namespace: Arc<NetNs>,
    pub process: Process,
    scrapes: Arc<Mutex<Vec<Scrape>>>,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    keep: Vec<Box<dyn std::any::Any + Send>>,
    /// As [`Start::folder`].
    pub folder: Option<PathBuf>,
    /// What the row wants to be sent once.
    pub extra: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Nothing happens for a while.
pub fn pause(_: &mut Site) {
    thread::sleep(CALM);
}

impl Site {
    fn start(start: Start) -> Self {
        let namespace = NetNs::new();
        namespace.disable_ipv6();
        namespace.veth("a0", "b0");
        let mut words = start.before.iter();
        let program = words.next().map_or(BINARY, |word| *word);
        let mut command = command_in(&namespace, program);
        if !start.before.is_empty() {
            command.args(words).arg(BINARY);
        }
        command.args(&start.flags).envs(start.variables);
        let process = Process::start_with(command, start.errors.unwrap_or_else(Stdio::piped));
        let mut site = Self {
            namespace: Arc::new(namespace),
            process,
            scrapes: Arc::default(),
            sent: Arc::default(),
            stop: Arc::default(),
            threads: Vec::new(),
            keep: start.keep,
            folder: start.folder,
            extra: Arc::default(),
        };
        wait_for("the exporter is ready", || {
            let ended = site.process.ended();
            assert!(ended.is_none(), "it ended with {ended:?}");
            site.get("/-/ready").is_some_and(|answer| answer.is_ok())
        });
        site.scrape_until("b0 is captured", |body| up(body) == Some(1.0));
        site.send();
        site.scrape_once_a_second();
        site
    }

    fn send(&mut self) {
        let mut wire = Wire::open(&self.namespace, "a0");
        let (sent, stop) = (Arc::clone(&self.sent), Arc::clone(&self.stop));
        let extra = Arc::clone(&self.extra);
        let frame = Host::numbered(1).mdns4(Query::browse("_ipp._tcp").bytes());
        self.threads.push(thread::spawn(move || {
            let start = clock::now().monotonic;
            let mut bursts: u32 = 0;
            while !stop.load(Ordering::SeqCst) {
                for extra in extra.lock().expect("nobody panics with it").drain(..) {
                    wire.send(&extra);
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                for _ in 0..BURST {
                    wire.send(&frame);
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                bursts += 1;
                thread::sleep(start.plus(EVERY * bursts).since(clock::now().monotonic));
            }
        }));
    }

    fn scrape_once_a_second(&mut self) {
        let (namespace, stop) = (Arc::clone(&self.namespace), Arc::clone(&self.stop));
        let scrapes = Arc::clone(&self.scrapes);
        let work = move || {
            while !stop.load(Ordering::SeqCst) {
                let scrape = scrape();
                let at = scrape.at;
                scrapes.lock().expect("nobody panics with it").push(scrape);
                thread::sleep(at.plus(Duration::from_secs(1)).since(clock::now().monotonic));
            }
        };
        self.threads.push(thread::spawn(move || namespace.run(work)));
    }

    /// What it answers; `None` if nobody listens.
    pub fn get(&self, path: &str) -> Option<Answer> {
        self.namespace.run(|| http::get((Ipv4Addr::LOCALHOST, PORT), path))
    }

    /// Scrapes until the body is as wished.
    pub fn scrape_until(&self, what: &str, is_so: impl Fn(&Body) -> bool) -> Body {
        let mut body = Body::default();
        wait_for(what, || {
            let Some(scraped) = self.namespace.run(scrape).body else { return false };
            body = scraped;
            is_so(&body)
        });
        body
    }

    /// Puts a frame among the others.
    pub fn send_once(&self, frame: Vec<u8>) {
        self.extra.lock().expect("nobody panics with it").push(frame);
    }

    /// Keeps this fault until the process has ended.
    pub fn keep_until_the_end(&mut self, fault: impl std::any::Any + Send) {
        self.keep.push(Box::new(fault));
    }

    fn stop_threads(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().expect("it does not panic");
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // The test fails for another reason already.
            let _ = thread.join();
        }
        self.keep.clear();
    }
}

/// One scrape, from this thread's namespace.
fn scrape() -> Scrape {
    let at = clock::now().monotonic;
    let answer = http::get((Ipv4Addr::LOCALHOST, PORT), "/metrics");
    let body = answer.filter(Answer::is_ok).map(|answer| parse(&answer.text()));
    Scrape { at, took: clock::now().monotonic.since(at), body }
}

/// Whether `b0` is captured.
pub fn up(body: &Body) -> Option<f64> {
    body.value("multicast_capture_up", &[("capture", "b0")])
}

/// The frames of `b0` that were counted.
pub fn counted(body: &Body) -> u64 {
    total(body, "multicast_interface_packets_total", ("interface", "b0"))
}

fn dropped(body: &Body) -> u64 {
    total(body, "multicast_capture_dropped_total", ("capture", "b0"))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of frames")]
fn total(body: &Body, name: &str, (label, value): (&str, &str)) -> u64 {
    let is_it = |key: &&(String, std::collections::BTreeMap<String, String>)| {
        key.0 == name && key.1.get(label).is_some_and(|found| found == value)
    };
    let keys = body.samples.keys().filter(is_it);
    keys.map(|key| body.samples[key]).sum::<f64>() as u64
}

/// Does what the row says and compares the account with the promise.
pub fn account(name: &str, row: &Row) {
    let mut site = Site::start((row.start)());
    thread::sleep(CALM);
    let before = site.namespace.run(scrape).body.expect("it is well");
    (row.fault)(&mut site);
    let over = clock::now().monotonic;
    let at_the_end = counted_now(&site);
    wait_for("the counters move", || counted_now(&site) > at_the_end);
    let back = clock::now().monotonic.since(over);
    thread::sleep(CALM);
    site.stop_threads();
    let sent = site.sent.load(Ordering::SeqCst);
    // What is in the ring comes within a second.
    thread::sleep(Duration::from_secs(1));
    let after = site.namespace.run(scrape).body.expect("it is well again");
    let (counted, dropped) = (counted(&after), dropped(&after));
    let lost = sent.saturating_sub(counted + dropped);

    let scrapes = std::mem::take(&mut *site.scrapes.lock().expect("nobody panics with it"));
    let is_bad = |s: &&Scrape| s.body.is_none() || s.took > row.promise.scraped_within;
    let failed = scrapes.iter().filter(is_bad).count();
    let slowest = scrapes.iter().map(|scrape| scrape.took).max().unwrap_or_default();

    let asked = clock::now().monotonic;
    site.process.signal(libc::SIGTERM);
    wait_for("the end", || is_dead(&mut site.process));
    let end = clock::now().monotonic.since(asked);

    let of = |body: &Body, name: &str| body.value(name, &[]).unwrap_or_default();
    let mib = |body: &Body| of(body, "process_resident_memory_bytes") / 1_048_576.0;
    let two = |name: &str| format!("{} to {}", of(&before, name), of(&after, name));
    println!(
        "{name}: {sent} sent, {counted} counted, {dropped} dropped, {lost} lost; {failed} of {} scrapes failed, \
         the slowest took {slowest:.0?}; back after {back:.0?}, ended after {end:.0?}; RSS {:.1} to {:.1} MiB, \
         threads {}, descriptors {}",
        scrapes.len(),
        mib(&before),
        mib(&after),
        two("process_threads"),
        two("process_open_fds"),
    );
    let Promise { lost: may_lose, scrapes_failed, back_within, ends_within, .. } = row.promise;
    assert!(counted + dropped <= sent, "more than was sent");
    assert!(lost <= may_lose, "{lost} frames are lost");
    assert!(failed <= scrapes_failed, "{failed} scrapes failed");
    assert!(back <= back_within, "back after {back:?}");
    assert!(end <= ends_within, "ended after {end:?}");
    // Threads that render come and go, 16 at most; a scrape has a connection.
    for (name, more) in [("process_threads", 16.0), ("process_open_fds", 4.0)] {
        let (before, after) = (of(&before, name), of(&after, name));
        assert!(after <= before + more, "{name}: {before} before, {after} after");
    }
}

/// Whether it has ended; a tracer may still have to let a dead thread go.
fn is_dead(process: &mut Process) -> bool {
    let id = process.id();
    process.ended().is_some()
        || of_threads(id, "State").iter().all(|(_, state)| state.starts_with('Z'))
}

fn counted_now(site: &Site) -> u64 {
    site.namespace.run(scrape).body.map_or(0, |body| counted(&body))
}
