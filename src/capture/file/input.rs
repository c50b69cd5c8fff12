//! The raw input of a capture file: how far it was read, and whether it was the operating system
//! that failed. Must not know of formats or compression.

use super::FormatError;
use super::flaw::Flaw;
use crate::capture::CaptureError;
use parking_lot::Mutex;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a capture file has been read, to be shown while another thread reads.
#[derive(Clone, Debug)]
pub struct Progress {
    position: Arc<AtomicU64>,
    size: Option<u64>,
}

impl Progress {
    /// Bytes of the input that were read so far, as they are stored.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The size of the input in bytes, if it is a regular file.
    pub const fn size(&self) -> Option<u64> {
        self.size
    }
}

/// Remembers the error of the operating system that ended the input, if one did. Decompressors wrap
/// errors of their source beyond recognition; this distinguishes a bad disk from a bad file.
pub(super) struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    /// The error to report for `error`, which the outermost reader returned when `end` bytes of
    /// the decompressed stream had been read.
    pub(super) fn explain(&self, label: &str, end: u64, error: &io::Error) -> CaptureError {
        match self.0.lock().take() {
            Some(source) => {
                CaptureError::Io { operation: "reading", object: label.to_owned(), source }
            }
            None => FormatError::Broken { offset: end, what: Flaw::Compression(error.to_string()) }
                .into(),
        }
    }
}

/// Watches the reads of `inner`.
pub(super) fn tap(
    inner: Box<dyn Read + Send>,
    size: Option<u64>,
) -> (Box<dyn Read + Send>, Progress, Failure) {
    let progress = Progress { position: Arc::default(), size };
    let failure = Arc::default();
    let tapped =
        Tapped { inner, position: Arc::clone(&progress.position), failure: Arc::clone(&failure) };
    (Box::new(tapped), progress, Failure(failure))
}

struct Tapped {
    inner: Box<dyn Read + Send>,
    position: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Read for Tapped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Ok(count) => {
                    self.position.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let told = io::Error::from(error.kind());
                    *self.failure.lock() = Some(error);
                    return Err(told);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Script(Vec<io::Result<&'static [u8]>>);

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let bytes = self.0.remove(0)?;
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }
    }

    #[test]
    fn counts_what_was_read_and_retries_interrupted_calls() {
        let script = Script(vec![Ok(b"abc"), Err(ErrorKind::Interrupted.into()), Ok(b"de")]);
        let (mut reader, progress, _) = tap(Box::new(script), Some(5));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"abcde");
        assert_eq!((progress.position(), progress.size()), (5, Some(5)));
    }

    #[test]
    fn tells_a_bad_disk_from_a_bad_file() {
        let script = Script(vec![Err(io::Error::from_raw_os_error(libc::EIO))]);
        let (mut reader, _, failure) = tap(Box::new(script), None);
        let error = reader.read(&mut [0; 8]).unwrap_err();
        let told = failure.explain("a.pcap", 7, &error).to_string();
        assert!(told.starts_with("reading on a.pcap: "), "{told}");
        let told = failure.explain("a.pcap", 7, &io::Error::other("corrupt")).to_string();
        assert_eq!(told, "breaks off at byte 7: corrupt");
    }
}
