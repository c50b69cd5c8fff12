//! Evidence on a disk that is full: a counter and an error, nothing else, and it is kept again as
//! soon as there is space.

use multicast_exporter::evidence::{Store, Totals};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file system of 64 KiB on a folder of its own, gone with the namespace or when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .status()
            .expect("mount runs");
        assert!(status.success(), "mount: {status}");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Best effort: the mount namespace of the tests ends anyway.
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
#[ignore = "root: make test"]
fn a_full_disk_is_counted_and_leaves_nothing_behind() {
    let disk = SmallDisk::mount();
    let store = Store::open(disk.path(), 1 << 20).expect("there is room yet");
    store.write("1-eth0-a-0", &vec![1; 8 << 10]).expect("there is room yet");
    fs::write(disk.path().join("others"), vec![0; 40 << 10]).expect("there is room yet");
    let error = store.write("2-eth0-b-1", &vec![2; 32 << 10]).expect_err("no room");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    assert_eq!(store.totals(), Totals { written: 1, failed: 1, deleted: 0 });
    assert_eq!(names(disk.path()), ["1-eth0-a-0.pcapng", "others"], "nothing half written");
    fs::remove_file(disk.path().join("others")).expect("it was there");
    store.write("3-eth0-c-2", &vec![3; 32 << 10]).expect("there is room again");
    assert_eq!(store.totals(), Totals { written: 2, failed: 1, deleted: 0 });
}
