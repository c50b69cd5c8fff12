//! Starts the program, or any other process, and gives its log while it runs and how it ends. It
//! ends with its guard. Knows no namespace.

use multicast_exporter::time::clock;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_multicast_exporter");
/// How long to wait for what should come at once, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The program, without the flags that the environment of the tests may hold.
pub fn program() -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MULTICAST_EXPORTER")) {
        command.env_remove(name);
    }
    command
}

/// Asks until the answer is yes, and panics with `what` if it never is.
pub fn wait_for(what: &str, is_so: impl FnMut() -> bool) {
    assert!(is_within(PATIENCE, is_so), "waited in vain: {what}");
}

/// Asks until the answer is yes; whether it was within this time.
pub fn is_within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = clock::now().monotonic.plus(limit);
    while !is_so() {
        if clock::now().monotonic >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// A process that ends with its guard, also when the test panics; then it says what it logged.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it with its standard error, and standard output, kept.
    pub fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    /// The same, with another standard error.
    pub fn start_with(mut command: Command, errors: Stdio) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
        let err = child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
        let readers = out.into_iter().chain(err).map(|pipe| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let mut log = log.lock().expect("nobody panics with it");
                    log.push_str(&line);
                    log.push('\n');
                }
            })
        });
        Self { child, log: Arc::clone(&log), readers: readers.collect() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        let id = libc::pid_t::try_from(self.id()).expect("a process id");
        // SAFETY: takes integers only. The child is not waited for yet, so the id is its.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end, and for all that it has written.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the process", || self.ended().is_some());
        for reader in self.readers.drain(..) {
            reader.join().expect("it only reads");
        }
        self.ended().expect("it has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of process {}:\n{}---", self.child.id(), self.log());
        }
    }
}
