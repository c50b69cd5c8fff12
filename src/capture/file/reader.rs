//! One capture file, read from its first byte to its end or its break. In comes a path or a stream
//! of bytes, out go batches of frames. Knows neither formats nor compression: it asks those that do.

use super::bounds::BATCH_FRAMES;
use super::flaw::FormatError;
use super::input::{self, Failure, Progress};
use super::records::{Outcome, Records, Taken};
use super::replay::Replay;
use super::window::Window;
use super::{compression, sniff};
use crate::capture::{Capture, CaptureError};
use crate::frame::{Batch, InterfaceName, Slot};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// A capture file that is being read.
pub struct FileCapture {
    label: String,
    reader: Box<dyn Read + Send>,
    failure: Failure,
    progress: Progress,
    /// Seen by the tests of memory.
    pub(super) window: Window,
    records: Box<dyn Records>,
    slots: Vec<Slot>,
    state: State,
}

/// How far reading has come.
enum State {
    Reading,
    /// It cannot be read further, which is said once the frames before are out.
    Failing(CaptureError),
    Ended,
}

/// Opens a capture file. Formats and compression are told by content, never by name.
///
/// # Errors
/// [`CaptureError::Io`] if it cannot be opened or read, [`FormatError::Unknown`] if it is no
/// capture that is read, [`FormatError::Broken`] if it breaks off within its own header.
pub fn open(path: &Path) -> Result<FileCapture, CaptureError> {
    let label = path.display().to_string();
    let failed = |operation, source| CaptureError::Io { operation, object: label.clone(), source };
    let file = File::open(path).map_err(|error| failed("opening", error))?;
    let metadata = file.metadata().map_err(|error| failed("reading the size", error))?;
    let len = metadata.is_file().then_some(metadata.len());
    FileCapture::new(label, Box::new(file), len)
}

/// Reads a capture from any stream of bytes, such as standard input. Blocks until the stream has
/// brought the header or has ended.
///
/// # Errors
/// As [`open`].
pub fn from_reader(
    label: impl Into<String>,
    reader: Box<dyn Read + Send>,
) -> Result<FileCapture, CaptureError> {
    FileCapture::new(label.into(), reader, None)
}

impl FileCapture {
    fn new(
        label: String,
        reader: Box<dyn Read + Send>,
        len: Option<u64>,
    ) -> Result<Self, CaptureError> {
        let (reader, progress, failure) = input::tap(reader, len);
        let mut window = Window::new();
        let opened = compression::decode(reader).and_then(|mut reader| {
            while window.data().len() < sniff::HEADER && window.fill(&mut reader)? > 0 {}
            Ok(reader)
        });
        let reader = opened.map_err(|error| failure.explain(&label, window.end(), &error))?;
        let (records, header) = sniff::identify(window.data())?;
        window.consume(header);
        Ok(Self {
            label,
            reader,
            failure,
            progress,
            window,
            records,
            slots: Vec::with_capacity(BATCH_FRAMES),
            state: State::Reading,
        })
    }

    /// What errors and reports call it: the path, or the label that was given.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What the file says of itself, as far as it was read: comments on its sections.
    pub(super) fn comments(&self) -> &[String] {
        self.records.comments()
    }

    /// Bytes of the input that were read so far, as they are stored: compressed, if it is
    /// compressed. May be ahead of the frames by a buffer.
    pub fn position(&self) -> u64 {
        self.progress.position()
    }

    /// The size of the input in bytes, if it is a regular file.
    pub const fn size(&self) -> Option<u64> {
        self.progress.size()
    }

    /// A handle that tells position and size while another thread reads.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Reads until there is a frame or nothing more to read.
    fn read(&mut self) -> Result<(), CaptureError> {
        loop {
            let base = self.window.start();
            let Taken { consumed, outcome } =
                self.records.take(self.window.data(), base, &mut self.slots);
            self.window.consume(consumed);
            if let Outcome::Broken(what) = outcome {
                let offset = self.window.offset();
                self.state = State::Failing(FormatError::Broken { offset, what }.into());
            }
            if !self.slots.is_empty() {
                return Ok(());
            }
            if !matches!(self.state, State::Reading) {
                return self.fail();
            }
            match self.window.fill(&mut self.reader) {
                Ok(0) => {
                    let offset = self.window.offset();
                    self.state = match self.records.cut(self.window.data()) {
                        None => State::Ended,
                        Some(what) => State::Failing(FormatError::Broken { offset, what }.into()),
                    };
                    return self.fail();
                }
                Ok(_) => {}
                Err(error) => {
                    let end = self.window.end();
                    self.state = State::Failing(self.failure.explain(&self.label, end, &error));
                    return self.fail();
                }
            }
        }
    }

    /// Says why reading is over: the failure once, the end from then on.
    fn fail(&mut self) -> Result<(), CaptureError> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Failing(error) => Err(error),
            State::Reading | State::Ended => Err(CaptureError::End),
        }
    }
}

impl Replay for FileCapture {
    fn advance(&mut self) -> Result<(), CaptureError> {
        self.slots.clear();
        match self.state {
            State::Reading => self.read(),
            State::Failing(_) | State::Ended => self.fail(),
        }
    }

    fn batch(&self) -> Batch<'_> {
        Batch::new(self.window.memory(), &self.slots, self.records.interfaces())
    }
}

impl Capture for FileCapture {
    /// Does not wait: blocks as long as the source does, which only a pipe does noticeably.
    fn next_batch(&mut self, _wait: Duration) -> Result<Batch<'_>, CaptureError> {
        self.advance()?;
        Ok(self.batch())
    }

    fn interfaces(&self) -> &[InterfaceName] {
        self.records.interfaces()
    }
}
