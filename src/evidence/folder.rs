//! A folder in which files are read, written and deleted by name, and that is all: no symbolic link
//! is followed on the way or in it, and nothing but regular files is opened. Opened anew for each
//! use, so that one that was removed and made again is used again.

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder by its path, in which there was no symbolic link when it was found.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// A regular file of it.
pub(super) struct Entry {
    pub name: String,
    pub bytes: u64,
    pub modified: SystemTime,
}

impl Folder {
    /// The folder that this path leads to now. A symbolic link on the way is followed once, here.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(path: &Path) -> io::Result<Self> {
        let folder = Self(path.canonicalize()?);
        folder.open()?;
        Ok(folder)
    }

    fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat2(CWD, &self.0, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // Before Linux 5.6, and in sandboxes that do not know it: the last step alone is held.
            Err(Errno::NOSYS | Errno::PERM) => Ok(fs::openat(CWD, &self.0, flags, Mode::empty())?),
            opened => Ok(opened?),
        }
    }

    /// The regular files in it.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let folder = self.open()?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let stat = match fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                // Somebody else deleted it.
                Err(Errno::NOENT) => continue,
                stat => stat?,
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                let since = u64::try_from(stat.st_mtime).unwrap_or(0);
                let modified = SystemTime::UNIX_EPOCH
                    + Duration::from_secs(since)
                    + Duration::from_nanos(stat.st_mtime_nsec.min(999_999_999));
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                entries.push(Entry { name: name.to_owned(), bytes, modified });
            }
        }
        Ok(entries)
    }

    /// Whether there is a regular file of this name.
    pub fn has(&self, name: &str) -> bool {
        let is_file = |folder: OwnedFd| {
            let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok::<_, Errno>(FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
        };
        self.open().is_ok_and(|folder| is_file(folder).unwrap_or(false))
    }

    /// A file's octets, of which there are at most `bytes_max`.
    pub fn read(&self, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        // Without waiting: a pipe would have it wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(self.open()?, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut octets = Vec::new();
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut octets)?;
        if octets.len() as u64 > bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too long for evidence"));
        }
        Ok(octets)
    }

    /// A new file that only its owner can read and write. What is in its place already is an error.
    pub fn create(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(fs::openat(self.open()?, name, flags, mode)?);
        file.write_all(octets)?;
        file.sync_all()
    }

    /// Gives a file another name.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let folder = self.open()?;
        Ok(fs::renameat(&folder, from, &folder, to)?)
    }

    /// Deletes a file.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(self.open()?, name, AtFlags::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn neither_the_folder_nor_a_file_may_become_a_link() {
        let place = tempfile::tempdir().unwrap();
        let (path, other) = (place.path().join("evidence"), place.path().join("other"));
        std::fs::create_dir(&path).unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("file"), "secret").unwrap();
        let folder = Folder::find(&path).unwrap();
        symlink(other.join("file"), path.join("link")).unwrap();
        assert!(folder.read("link", 10).is_err() && !folder.has("link"));
        assert!(folder.create("link", b"x").is_err());
        assert!(folder.entries().unwrap().is_empty());
        std::fs::remove_file(path.join("link")).unwrap();
        std::fs::remove_dir(&path).unwrap();
        symlink(&other, &path).unwrap();
        assert!(folder.read("file", 10).is_err() && !folder.has("file"));
        assert!(folder.create("new", b"x").is_err() && folder.remove("file").is_err());
        assert!(folder.entries().is_err() && folder.rename("file", "gone").is_err());
        assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        folder.create("new", b"x").expect("it is a folder again");
    }

    #[test]
    fn a_link_that_was_there_at_the_start_is_followed_and_then_held() {
        let place = tempfile::tempdir().unwrap();
        let (path, real) = (place.path().join("evidence"), place.path().join("real"));
        std::fs::create_dir(&real).unwrap();
        symlink(&real, &path).unwrap();
        let folder = Folder::find(&path).unwrap();
        folder.create("file", b"x").unwrap();
        assert!(real.join("file").is_file());
    }

    #[test]
    fn what_is_no_file_is_not_read_and_what_is_too_long_not_to_its_end() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::find(place.path()).unwrap();
        fs::mkfifoat(CWD, place.path().join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        assert_eq!(folder.read("pipe", 10).unwrap_err().to_string(), "not a regular file");
        std::fs::write(place.path().join("file"), [0; 11]).unwrap();
        let error = folder.read("file", 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(folder.read("file", 11).unwrap().len(), 11);
    }
}
