//! Runs the collectors that a request wants, each failing alone.
//!
//! Writes the families of a [`Selection`] from a [`Source`] before a [`Deadline`], and for each
//! collector whether it succeeded and how long it took. It must not know HTTP.
//!
//! The view is copied first and its locks are free before a line is written. A collector that
//! panics, or lacks a capture whose lock could not be had, reports success 0 and leaves the rest
//! alone.

use super::catalogue::{Collector, Selection, families};
use super::exporter::{BUILD, Build};
use super::rows::Rows;
use super::writer::{Labels, Writer};
use super::{
    capture, conditions, devices, exporter, mdns, process, segments, sockets, storms, syscalls,
};
use crate::host;
use crate::lan::{Deadline, Detail, LanView, Source};
use crate::time::{Time, clock};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Scrapes one source.
pub struct Scraper {
    source: Arc<dyn Source>,
    build: Build,
    proc: PathBuf,
    external_url: Option<String>,
    /// Which collectors failed last time: only a change is logged, or a lasting failure would
    /// flood the log with every scrape.
    failing: Mutex<Selection>,
}

/// The result of a collector.
struct Outcome {
    collector: Collector,
    error: Option<String>,
    took: Duration,
}

impl Scraper {
    /// A scraper of `source`.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            build: BUILD,
            proc: PathBuf::from("/proc"),
            external_url: None,
            failing: Mutex::new(Selection::NONE),
        }
    }

    /// The same, with another build and another `/proc`: for tests that compare whole bodies.
    pub fn with_surroundings(self, build: Build, proc: PathBuf) -> Self {
        Self { build, proc, ..self }
    }

    /// The same, reached by people at this URL.
    pub fn with_external_url(self, external_url: Option<String>) -> Self {
        Self { external_url, ..self }
    }

    /// What is scraped.
    pub fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// Writes what the collectors in `wanted` have. Locks are not waited for after `deadline`.
    pub fn scrape(&self, wanted: Selection, deadline: Deadline, writer: &mut Writer) {
        let start = now();
        let detail = if wanted.iter().any(Collector::reads_engines) {
            Detail::Segments
        } else {
            Detail::Captures
        };
        let read = guarded(|| Ok(self.source.read(deadline, detail)));
        let view = read.as_ref().ok();
        let rows = match (view, detail) {
            (Some(view), Detail::Segments) => Rows::new(view),
            (Some(_), Detail::Captures) | (None, _) => Rows::default(),
        };
        let reading = now().since(start);

        let start = now();
        let host = if wanted.iter().any(Collector::reads_host) {
            guarded(|| Ok(self.source.host(deadline)))
        } else {
            Ok(None)
        };
        let reading_host = now().since(start);

        let mut outcomes = Vec::with_capacity(Collector::ALL.len());
        for collector in wanted.iter() {
            let start = now();
            let result = match (&read, collector) {
                (Err(error), collector) if collector.reads_lan() => Err(error.clone()),
                (_, collector) if collector.reads_host() => {
                    guarded(|| collect_host(collector, host.as_ref(), writer))
                }
                (_, collector) => guarded(|| self.collect(collector, view, &rows, writer)),
            };
            writer.drop_partial_line();
            let took = now().since(start);
            let took = match collector {
                collector if collector.reads_engines() => took + reading,
                collector if collector.reads_host() => took + reading_host,
                _ => took,
            };
            outcomes.push(Outcome { collector, error: result.err(), took });
        }
        self.log_changes(&outcomes);
        report(&outcomes, writer);
    }

    fn collect(
        &self,
        collector: Collector,
        view: Option<&LanView>,
        rows: &Rows<'_>,
        writer: &mut Writer,
    ) -> Result<(), String> {
        let none = LanView::default();
        let view = view.unwrap_or(&none);
        let text = |error: &dyn std::fmt::Display| error.to_string();
        match collector {
            Collector::Exporter => writer.registry_families(
                &exporter::collect(
                    &self.build,
                    self.external_url.as_deref(),
                    view,
                    self.source.host_standing(),
                    self.source.privileges().as_ref(),
                    self.source.is_simulated(),
                )
                .map_err(|error| text(&error))?,
            ),
            Collector::Process => writer
                .registry_families(&process::collect(&self.proc).map_err(|error| text(&error))?),
            Collector::Captures => writer.registry_families(
                &capture::collect(&view.captures).map_err(|error| text(&error))?,
            ),
            // They have a view of their own.
            Collector::Syscalls | Collector::Sockets => {}
            Collector::Segments => segments::collect(rows, writer),
            Collector::Storms => storms::collect(rows, writer),
            Collector::Conditions => conditions::collect(rows, writer),
            Collector::Mdns => mdns::collect(rows, writer),
            Collector::Devices => devices::collect(rows, writer),
        }
        match &rows.trouble {
            Some(trouble) if collector.reads_engines() => Err(text(trouble)),
            Some(_) | None => Ok(()),
        }
    }

    fn log_changes(&self, outcomes: &[Outcome]) {
        let mut failing = self.failing.lock();
        for Outcome { collector, error, .. } in outcomes {
            let before = failing.contains(*collector);
            match error {
                Some(error) if !before => {
                    tracing::warn!(collector = collector.label(), error, "collector failed");
                    failing.insert(*collector);
                }
                None if before => {
                    tracing::info!(collector = collector.label(), "collector works again");
                    failing.remove(*collector);
                }
                Some(_) | None => {}
            }
        }
    }
}

/// Writes one of the two parts of this host. A part that is off has nothing to write.
fn collect_host(
    collector: Collector,
    view: Result<&Option<host::View>, &String>,
    writer: &mut Writer,
) -> Result<(), String> {
    let Some(view) = view.map_err(String::clone)? else { return Ok(()) };
    let families = if collector == Collector::Syscalls {
        view.syscalls.as_ref().map(|part| part.as_ref().map(syscalls::collect))
    } else {
        view.sockets.as_ref().map(|part| part.as_ref().map(sockets::collect))
    };
    match families {
        None => {}
        Some(Err(trouble)) => return Err(trouble.to_string()),
        Some(Ok(families)) => {
            writer.registry_families(&families.map_err(|error| error.to_string())?);
        }
    }
    Ok(())
}

/// Success and duration of each collector that ran.
fn report(outcomes: &[Outcome], writer: &mut Writer) {
    let labels = |outcome: &Outcome| Labels::new("collector", outcome.collector.label());
    let mut success = writer.family(&families::COLLECTOR_SUCCESS);
    for outcome in outcomes {
        success.sample(&labels(outcome), &[], u64::from(outcome.error.is_none()));
    }
    let mut duration = writer.family(&families::COLLECTOR_DURATION);
    for outcome in outcomes {
        duration.sample(&labels(outcome), &[], outcome.took.as_secs_f64());
    }
}

/// Turns a panic into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // A collector that breaks off leaves lines of text; a partial line is dropped.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(String::from("it panicked")))
}

fn now() -> Time {
    clock::now().monotonic
}
