//! Disks that do not answer, pipes in the place of files, a disk that is full.

use crate::e2e::require;
use crate::e2e::stalled::Hung;
use crate::e2e::support::process::is_within;
use crate::site::{Site, Start};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Longer than any time after which the program gives something up.
const LONG: Duration = Duration::from_secs(30);

/// Evidence in a folder of its own.
pub fn with_evidence() -> Start {
    let folder = tempfile::tempdir().expect("a folder");
    let mut start = Start::new();
    start.flags.push(format!("--evidence.dir={}", folder.path().display()));
    start.flags.push("--web.enable-capture-download".into());
    start.folder = Some(folder.path().to_owned());
    start.keep.push(Box::new(folder));
    start
}

/// Evidence on a disk of 64 KiB.
pub fn with_evidence_on_a_small_disk() -> Start {
    let start = with_evidence();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(start.folder.as_ref().expect("set"));
    assert!(mount.status().expect("mount runs").success());
    fs::write(start.folder.as_ref().expect("set").join("others"), vec![0; 60 << 10]).expect("room");
    start
}

/// A configuration file in a folder of its own.
pub fn with_configuration() -> Start {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yml");
    fs::write(&path, "devices: []\n").expect("room");
    let mut start = Start::new();
    start.flags.push(format!("--config.file={}", path.display()));
    start.folder = Some(folder.path().to_owned());
    start.keep.push(Box::new(folder));
    start
}

/// It is asked for evidence then, and does not get it before its end.
pub fn hang_the_evidence(site: &mut Site) {
    require(&["nsenter", "python3"]);
    site.wait_for_log("evidence kept");
    let folder = folder(site);
    let kept =
        fs::read_dir(&folder).expect("it is there").map(|e| e.expect("an entry").file_name());
    let names: Vec<_> = kept.map(|name| name.to_string_lossy().into_owned()).collect();
    let id = names[0].strip_suffix(".pcapng").expect("a storm's").to_owned();
    let capture = format!("/api/v1/storms/{id}/capture");
    assert!(site.get(&capture).expect("it listens").is_ok());
    let hung = Hung::over(&folder, site.process.id());
    for _ in 0..2 {
        let answer = site.get(&capture).expect("it listens");
        assert!(answer.head.starts_with("HTTP/1.1 503 "), "{}", answer.head);
        assert!(answer.text().contains("evidence does not answer in time"));
    }
    let page = site.get(&format!("/storms/{id}")).expect("it listens");
    assert!(page.is_ok() && page.text().contains("does not answer"));
    site.keep_until_the_end(hung);
}

/// There is room again later.
pub fn make_room_for_evidence(site: &mut Site) {
    site.wait_for_log("evidence not kept; trying again");
    fs::remove_file(folder(site).join("others")).expect("it is there");
    site.wait_for_log("evidence kept after all");
    let body = site.scrape_until("it is counted", |body| {
        let outcome = |outcome| {
            body.value("multicast_exporter_evidence_files_total", &[("outcome", outcome)])
        };
        outcome("written") >= Some(1.0) && outcome("failed") == Some(0.0)
    });
    drop(body);
    assert!(Command::new("umount").arg("-l").arg(folder(site)).status().expect("runs").success());
}

/// At SIGHUP the configuration is a pipe, then on a disk that does not answer.
pub fn spoil_the_configuration(site: &mut Site) {
    require(&["nsenter", "python3", "mkfifo"]);
    let folder = folder(site);
    let path = folder.join("config.yml");
    fs::remove_file(&path).expect("it is there");
    assert!(Command::new("mkfifo").arg(&path).status().expect("runs").success());
    site.process.signal(libc::SIGHUP);
    site.wait_for_log("is not a regular file");
    site.scrape_until("it is said", |body| {
        body.value("multicast_exporter_config_last_reload_successful", &[]) == Some(0.0)
    });
    let hung = Hung::over(&folder, site.process.id());
    site.process.signal(libc::SIGHUP);
    site.wait_for_log("is not read within 10 s");
    site.keep_until_the_end(hung);
}

fn folder(site: &Site) -> PathBuf {
    site.folder.clone().expect("the row has one")
}

impl Site {
    fn wait_for_log(&self, words: &str) {
        let came = is_within(LONG, || self.process.log().contains(words));
        assert!(came, "the log does not say: {words}");
    }
}
