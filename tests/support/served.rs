//! The program as it serves on loopback, on a port that the kernel chose: its pages, its log, its
//! end.

use super::http::{self, Answer};
use super::process::{Process, is_within, program};
use std::net::SocketAddr;
use std::time::Duration;

/// How long what has to come may take: a replay or a storm to its end.
const LIMIT: Duration = Duration::from_mins(1);

/// The program, which ends with it.
pub struct Served {
    pub process: Process,
    pub address: SocketAddr,
}

impl Served {
    /// Starts it with these arguments and waits until it says where it listens.
    pub fn start<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Self {
        let mut command = program();
        command.args(arguments).arg("--web.listen-address=127.0.0.1:0");
        let mut process = Process::start(command);
        let mut address = None;
        let listens = is_within(LIMIT, || {
            let ended = process.ended();
            assert!(ended.is_none(), "it ended with {ended:?}");
            address = process
                .log()
                .lines()
                .find_map(|line| line.split_once("listening=")?.1.split(' ').next()?.parse().ok());
            address.is_some()
        });
        assert!(listens, "it does not say where it listens");
        Self { address: address.expect("it was found"), process }
    }

    /// What it answers.
    pub fn get(&self, path: &str) -> Answer {
        http::get(self.address, path).expect("it listens")
    }

    /// The text of a page that is there.
    pub fn body(&self, path: &str) -> String {
        let answer = self.get(path);
        assert!(answer.is_ok(), "{path}: {}", answer.head);
        answer.text()
    }

    /// The value of a series.
    pub fn value(&self, series: &str) -> Option<f64> {
        let body = self.body("/metrics");
        let value = body.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        value.parse().ok()
    }

    /// Waits until `holds`, at most a minute.
    pub fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let came = is_within(LIMIT, || holds(self));
        assert!(came, "{what} did not come: {}", self.body("/metrics"));
    }
}
