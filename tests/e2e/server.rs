//! A server of other people's in a namespace, asked over HTTP: started, stopped, and started again
//! on the same data. Prometheus' query API as well, which `VictoriaMetrics` has too.

use super::netns::NetNs;
use super::support::http;
use super::support::process::is_within;
use super::{Process, command_in};
use serde_json::Value;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

/// How long a server may take to start or to end while others want the CPU.
const LIMIT: Duration = Duration::from_mins(1);

/// What to start and how it is known to be ready.
pub struct Recipe {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Its port on loopback.
    pub port: u16,
    /// The path that answers 200 once it is ready.
    pub ready: &'static str,
}

/// A server, which ends with its guard.
pub struct Server<'a> {
    namespace: &'a NetNs,
    recipe: Recipe,
    process: Option<Process>,
}

impl<'a> Server<'a> {
    /// Starts it and waits until it is ready.
    pub fn start(namespace: &'a NetNs, recipe: Recipe) -> Self {
        let mut server = Self { namespace, recipe, process: None };
        server.start_again();
        server
    }

    /// Starts it with the same arguments once it was stopped.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "{} runs", self.name());
        let mut command = command_in(self.namespace, &self.recipe.program);
        command.args(&self.recipe.arguments);
        let mut process = Process::start(command);
        let is_ready = is_within(LIMIT, || {
            let ended = process.ended();
            assert!(ended.is_none(), "{} ended with {ended:?}", self.name());
            self.ask("GET", self.recipe.ready, "").is_some()
        });
        assert!(is_ready, "{} is not ready", self.name());
        self.process = Some(process);
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal(libc::SIGTERM);
        assert!(is_within(LIMIT, || process.ended().is_some()), "{} does not end", self.name());
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    fn name(&self) -> String {
        self.recipe.program.display().to_string()
    }

    /// Asks it and hands out the body; `None` unless the answer is 200.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Option<String> {
        self.answer(method, path, body)?.ok()
    }

    /// The body of an answer of 200, or of another as an error.
    fn answer(&self, method: &str, path: &str, body: &str) -> Option<Result<String, String>> {
        self.namespace.run(|| {
            // HTTP/1.0: an answer without chunks, and the end of it.
            let request = format!(
                "{method} {path} HTTP/1.0\r\nHost: localhost\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = http::ask((Ipv4Addr::LOCALHOST, self.recipe.port), &request)?;
            let is_ok = answer.is_ok();
            Some(if is_ok { Ok(answer.text()) } else { Err(answer.text()) })
        })
    }

    /// A page of its API, which has to succeed: its `data`.
    pub fn api(&self, path: &str) -> Value {
        let mut answer = None;
        // A busy server may take its time to accept; a refusal is final.
        let came = is_within(LIMIT, || {
            answer = self.answer("GET", path, "");
            answer.is_some()
        });
        assert!(came, "no answer: {path}");
        let body = answer.expect("it came").unwrap_or_else(|body| panic!("{path}: {body}"));
        let mut body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].take()
    }

    /// What it answers to a query now: the samples of a vector.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let mut data = self.api(&format!("/api/v1/query?query={}", percent_encoded(query)));
        // A scalar has no list of samples.
        if data["resultType"] == "scalar" {
            return vec![data["result"].take()];
        }
        data["result"].as_array_mut().map(std::mem::take).expect("a list")
    }

    /// The label values that a query finds, each once.
    pub fn label(&self, query: &str, label: &str) -> Vec<String> {
        let found = self.query(query);
        let values = found.iter().filter_map(|sample| sample["metric"][label].as_str());
        let mut values: Vec<String> = values.map(str::to_owned).collect();
        values.sort();
        values.dedup();
        values
    }

    /// Alerts that are firing or, with `ALERTS{...}` asked for a while, were; without the watchdog.
    pub fn names(&self, alerts: &str) -> Vec<String> {
        let mut names = self.label(alerts, "alertname");
        names.retain(|name| name != "MulticastWatchdog");
        names
    }

    /// Fails if a rule could not be evaluated, or none was.
    pub fn rules_are_healthy(&self) {
        let data = self.api("/api/v1/rules");
        let groups = data["groups"].as_array().expect("groups").iter();
        let rules: Vec<&Value> =
            groups.flat_map(|group| group["rules"].as_array().expect("rules")).collect();
        assert!(rules.len() > 20, "{} rules", rules.len());
        for rule in rules {
            assert_eq!(rule["health"], "ok", "{}: {}", rule["name"], rule["lastError"]);
        }
    }
}

/// A text as the value of a parameter.
pub fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes all");
        }
        encoded
    })
}
