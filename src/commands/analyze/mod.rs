//! `analyze`: capture files through the engine, as fast as they can be read, then a report.

mod columns;
mod explain;
mod found;
mod segments;
mod table;
mod timeline;

use super::configuration::Configuration;
use super::flags::{self, Output};
use super::{ExitStatus, hash_key, say};
use crate::capture::CaptureError;
use crate::capture::file::{self, FileCapture, FormatError, Merge, Progress, Replay as _};
use crate::config::Config;
use crate::detect::Horizon;
use crate::engine;
use crate::pipeline::{Pipeline, Settings};
use crate::report::{self, Comment, Report};
use crate::segment::{DEFAULT_SYNTHETIC_MAX, Labels, Sharing};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was found, and what went wrong on the way.
#[derive(Debug)]
pub struct Analysis {
    /// What was found in what could be read.
    pub report: Report,
    /// Each file that could not be opened, or not be read to its end.
    pub problems: Vec<Problem>,
}

/// A file that could not be read, or not to its end.
#[derive(Debug)]
pub struct Problem {
    /// The file as it was named.
    pub file: String,
    /// What is wrong with it.
    pub error: CaptureError,
}

impl Problem {
    /// A capture that breaks off was read up to there; anything else was not read at all.
    fn status(&self) -> ExitStatus {
        let breaks_off = matches!(&self.error, CaptureError::Format(FormatError::Broken { .. }));
        if breaks_off { ExitStatus::Incomplete } else { ExitStatus::BadInput }
    }
}

impl Analysis {
    /// Whether no file could be read at all.
    fn is_empty(&self) -> bool {
        self.report.frames.total == 0 && self.status() == ExitStatus::BadInput
    }

    /// The worst that happened.
    pub fn status(&self) -> ExitStatus {
        self.problems.iter().map(Problem::status).max().unwrap_or(ExitStatus::Success)
    }
}

/// How to analyze.
#[derive(Clone, Debug)]
pub struct Options {
    /// Devices that are tracked separately.
    pub devices_max: usize,
    /// Names, ignores and limits.
    pub config: Config,
    /// Whether to draw a progress bar on standard error.
    pub progress: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { devices_max: 100_000, config: Config::default(), progress: false }
    }
}

/// Runs the command. The report goes to standard output, problems to standard error, a line each.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(flags: &flags::Analyze) -> io::Result<ExitStatus> {
    let progress = io::stderr().is_terminal();
    let config = match flags.config_file.as_deref().map(Configuration::read).transpose() {
        Ok(config) => config.unwrap_or_default(),
        Err(line) => {
            say(&line);
            return Ok(ExitStatus::BadInput);
        }
    };
    let options = Options { devices_max: flags.devices_max, config, progress };
    let analysis = analyze(&flags.files, &options);
    for Problem { file, error } in &analysis.problems {
        say(&format!("{file}: {}", error.without_object()));
    }
    let mut out = io::stdout().lock();
    match flags.output {
        // Nothing was read: the reason is all there is to say.
        Output::Table if analysis.is_empty() => {}
        Output::Table => {
            write!(out, "{}", analysis.report)?;
            if flags.explain {
                write!(out, "{}", explain::Legend(&analysis.report))?;
            }
        }
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &analysis.report)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    let has_found = flags.fail_on.iter().any(|what| found::has(&analysis.report, *what));
    Ok(match analysis.status() {
        ExitStatus::Success if has_found => ExitStatus::Found,
        status => status,
    })
}

/// Reads the files as one LAN: merged by time stamp, equal labels being the same segment.
pub fn analyze(files: &[PathBuf], options: &Options) -> Analysis {
    let mut problems = Vec::new();
    let mut captures = Vec::new();
    let mut stdin = false;
    for path in files {
        if path == Path::new("-") && std::mem::replace(&mut stdin, true) {
            // Its content can be read only once, by the first `-`.
            continue;
        }
        match open(path) {
            Ok(capture) => captures.push(capture),
            Err(error) => problems.push(Problem { file: path.display().to_string(), error }),
        }
    }
    let bar = options.progress.then(|| Bar::over(&captures));
    let mut merge = Merge::new(captures);
    let mut pipeline = Pipeline::file(settings(options));
    let ended = loop {
        match merge.advance() {
            Ok(()) => {
                pipeline.handle_files(&merge.batch(), merge.files());
                if let Some(bar) = &bar {
                    bar.update();
                }
            }
            Err(error) => break error,
        }
    };
    let (comments, labels) = (merge.comments(), merge.labels());
    let failures = merge.take_failures();
    debug_assert!(matches!(ended, CaptureError::End), "a merge keeps failures apart: {ended}");
    problems.extend(failures.into_iter().map(|(file, error)| Problem { file, error }));
    let names = files.iter().map(|path| path.display().to_string()).collect();
    let mut report = report::build(names, pipeline.span(), &pipeline.views());
    report.comments = comments.into_iter().map(|(file, text)| Comment { file, text }).collect();
    report.devices.iter_mut().for_each(|device| device.name_files(&labels));
    Analysis { report, problems }
}

fn open(path: &Path) -> Result<FileCapture, CaptureError> {
    if path == Path::new("-") {
        return file::from_reader("-", Box::new(io::stdin()));
    }
    file::open(path)
}

/// Devices never expire; when the table is full, the rest is the device `other`.
fn settings(options: &Options) -> Settings {
    let config = options.config.clone();
    Settings {
        engine: engine::Config {
            budget: Arc::new(engine::Budget::new(options.devices_max)),
            expiry: None,
            local: Arc::default(),
            converted: engine::Converted::Files,
            judging: engine::Judging::Everything,
            horizon: Horizon::Whole,
            storms_kept: engine::Config::STORMS_OF_FILES,
        },
        key: hash_key(),
        labels: Labels::new(Sharing::Same, DEFAULT_SYNTHETIC_MAX),
        lans: Arc::default(),
        policy: Arc::new(move |label| Arc::new(config.policy(label))),
        evidence: None,
    }
}

/// How much of the files has been read, drawn on standard error.
struct Bar {
    bar: ProgressBar,
    files: Vec<Progress>,
}

impl Bar {
    /// Over all files together; a spinner if the size of one is not known.
    fn over(captures: &[FileCapture]) -> Self {
        let files: Vec<Progress> = captures.iter().map(FileCapture::progress).collect();
        let size: Option<u64> = files.iter().map(Progress::size).sum();
        let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = if size.is_some() {
            "{wide_bar} {bytes}/{total_bytes} {eta}"
        } else {
            "{spinner} {bytes} read"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, files }
    }

    fn update(&self) {
        self.bar.set_position(self.files.iter().map(Progress::position).sum());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
