//! The folder of evidence: one file a storm, named by the storm's id, readable only by its owner.
//! A file is there whole or not at all. When all together would be over the limit, the oldest are
//! deleted first; what is not named as these files are is never touched.

use super::folder::Folder;
use crate::storm::Storm;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// The largest file that is read, in bytes: 4,096 frames of 4 KiB.
const FILE_MAX: u64 = 16 << 20;

/// What the files' names end in.
const EXTENSION: &str = ".pcapng";
/// What a file that is being written begins with.
const UNFINISHED: &str = ".unfinished-";

/// Why the folder cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is not there and cannot be made.
    #[error("{path}: cannot be made: {source}")]
    Missing {
        /// The folder.
        path: String,
        /// What the system answered.
        source: io::Error,
    },
    /// Nothing can be written in it.
    #[error("{path}: nothing can be written in it: {source}")]
    ReadOnly {
        /// The folder.
        path: String,
        /// What the system answered.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether it may be otherwise in a while: a disk that is not mounted yet, or full. What is in the
    /// way, or forbidden, stays so until a person mends it.
    pub fn may_pass(&self) -> bool {
        use io::ErrorKind as Kind;
        let (Self::Missing { source, .. } | Self::ReadOnly { source, .. }) = self;
        !matches!(
            source.kind(),
            Kind::PermissionDenied
                | Kind::NotADirectory
                | Kind::AlreadyExists
                | Kind::ReadOnlyFilesystem
                | Kind::InvalidInput
                | Kind::InvalidFilename
        )
    }
}

/// What happened to recordings since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that were written.
    pub written: u64,
    /// Recordings that could not be kept.
    pub failed: u64,
    /// Files that were deleted to make space for others.
    pub deleted: u64,
}

/// The folder.
#[derive(Debug)]
pub struct Store {
    folder: Folder,
    bytes_max: u64,
    written: AtomicU64,
    failed: AtomicU64,
    deleted: AtomicU64,
}

impl Store {
    /// Opens the folder, made if it is not there (for its owner only); files together take at
    /// most `bytes_max`.
    ///
    /// # Errors
    /// If it cannot be made or written in.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, StoreError> {
        let path = || folder.display().to_string();
        if !folder.is_dir() {
            let missing = |source| StoreError::Missing { path: path(), source };
            fs::create_dir(folder).map_err(missing)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(missing)?;
        }
        let unusable = |source| StoreError::ReadOnly { path: path(), source };
        let store = Self {
            folder: Folder::find(folder).map_err(unusable)?,
            bytes_max,
            written: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            deleted: AtomicU64::new(0),
        };
        store.sweep();
        let probe = format!("{UNFINISHED}probe");
        // In its place may be anything but a file, which the sweep leaves.
        let _ = store.folder.remove(&probe);
        let tried = store.folder.create(&probe, &[]);
        // Whether it was made or not, it should not stay.
        let _ = store.folder.remove(&probe);
        tried.map_err(unusable)?;
        Ok(store)
    }

    /// Writes the file of a storm, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written; that is counted, and nothing is left behind.
    pub fn write(&self, id: &str, octets: &[u8]) -> io::Result<()> {
        let written = self.attempt(id, octets);
        if written.is_err() {
            self.count_lost(1);
        }
        written
    }

    /// The same, for callers that may try again: a failure is not counted.
    ///
    /// # Errors
    /// If it cannot be written; nothing is left behind.
    pub(super) fn attempt(&self, id: &str, octets: &[u8]) -> io::Result<()> {
        self.try_write(id, octets)?;
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A recording was lost on the way here.
    pub(crate) fn count_lost(&self, recordings: u64) {
        self.failed.fetch_add(recordings, Ordering::Relaxed);
    }

    /// The file of a storm; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, id: &str) -> io::Result<Option<Vec<u8>>> {
        if !Storm::is_id(id) {
            return Ok(None);
        }
        match self.folder.read(&name(id), FILE_MAX) {
            Ok(octets) => Ok(Some(octets)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a file of a storm.
    pub fn has(&self, id: &str) -> bool {
        Storm::is_id(id) && self.folder.has(&name(id))
    }

    /// What happened to recordings since the start.
    pub fn totals(&self) -> Totals {
        Totals {
            written: self.written.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            deleted: self.deleted.load(Ordering::Relaxed),
        }
    }

    fn try_write(&self, id: &str, octets: &[u8]) -> io::Result<()> {
        if !Storm::is_id(id) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a storm's id"));
        }
        let bytes = octets.len() as u64;
        if bytes > self.bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "over the limit by itself"));
        }
        self.make_room(bytes)?;
        let unfinished = format!("{UNFINISHED}{id}");
        let written = self.folder.create(&unfinished, octets);
        let written = written.and_then(|()| self.folder.rename(&unfinished, &name(id)));
        if written.is_err() {
            // Best effort: the disk may be full or gone.
            let _ = self.folder.remove(&unfinished);
        }
        written
    }

    /// Deletes the oldest files until there is space for `bytes` more.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut entries = self.folder.entries()?;
        entries.retain(|entry| entry.name.strip_suffix(EXTENSION).is_some_and(Storm::is_id));
        entries.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            if total.saturating_add(bytes) <= self.bytes_max {
                break;
            }
            self.folder.remove(&entry.name)?;
            self.deleted.fetch_add(1, Ordering::Relaxed);
            total -= entry.bytes;
        }
        Ok(())
    }

    /// Removes what an earlier run did not finish.
    fn sweep(&self) {
        for entry in self.folder.entries().into_iter().flatten() {
            if entry.name.starts_with(UNFINISHED) {
                // If it stays it only takes space.
                let _ = self.folder.remove(&entry.name);
            }
        }
    }
}

/// The name of a storm's file.
fn name(id: &str) -> String {
    format!("{id}{EXTENSION}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::SystemTime;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|n| n.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_its_owners_only_and_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence");
        let store = Store::open(&path, 1_000).expect("made");
        store.write("1-eth0", b"octets").expect("written");
        assert_eq!(store.read("1-eth0").unwrap().as_deref(), Some(&b"octets"[..]));
        assert!(store.has("1-eth0") && !store.has("1-eth1") && !store.has("../evidence/1-eth0"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("1-eth0.pcapng"))), (0o700, 0o600));
        assert_eq!(store.totals(), Totals { written: 1, ..Totals::default() });
    }

    #[test]
    fn ids_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret.pcapng"), "x").unwrap();
        let path = folder.path().join("evidence");
        let store = Store::open(&path, 1_000).unwrap();
        for id in ["../secret", "", ".", "..", "a/b", "/etc/passwd", ".hidden", "a\0b"] {
            assert!(store.read(id).unwrap().is_none(), "{id:?}");
            assert!(store.write(id, b"x").is_err(), "{id:?}");
        }
        assert_eq!(names(&path), Vec::<String>::new());
    }

    #[test]
    fn the_oldest_make_room_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 100).unwrap();
        fs::write(folder.path().join("notes.txt"), vec![0; 500]).unwrap();
        let set_age = |id: &str, seconds: u64| {
            let file = File::options().write(true).open(folder.path().join(name(id))).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.set_modified(time).unwrap();
        };
        for (id, age) in [("9-old", 1), ("1-newer", 2), ("2-newest", 3)] {
            store.write(id, &[0; 30]).unwrap();
            set_age(id, age);
        }
        store.write("3-now", &[0; 50]).unwrap();
        assert_eq!(names(folder.path()), ["2-newest.pcapng", "3-now.pcapng", "notes.txt"]);
        assert_eq!(store.totals().deleted, 2);
        assert!(store.write("4-large", &[0; 101]).is_err());
        assert_eq!(store.totals().failed, 1);
        assert_eq!(names(folder.path()).len(), 3, "nothing was deleted for what cannot be kept");
    }

    #[test]
    fn what_was_not_finished_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".unfinished-1-eth0"), "half").unwrap();
        Store::open(folder.path(), 100).unwrap();
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_folder_that_cannot_be_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below"), folder.path().join("a/b")] {
            let error = Store::open(&path, 100).expect_err("no folder");
            assert!(matches!(error, StoreError::Missing { .. }), "{error}");
        }
    }
}
