//! Reads the 911 real captures and compares how many frames there are with what tshark read.
//! They are other people's files, kept outside the repository.

use crate::support::captures_dir;
use multicast_exporter::capture::file::{FormatError, open};
use multicast_exporter::capture::{Capture, CaptureError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A file of a few megabytes that takes longer than this hangs.
const BOUND: Duration = Duration::from_mins(2);

/// What reading a file gave.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    /// Frames, or `None` if it was not opened.
    frames: Option<usize>,
    /// Why it was not opened, or not read to its end.
    error: Option<String>,
}

fn read(path: &Path) -> Read {
    let mut capture = match open(path) {
        Ok(capture) => capture,
        Err(error) => return Read { frames: None, error: Some(error.to_string()) },
    };
    let size = fs::metadata(path).unwrap().len();
    assert_eq!(capture.size(), Some(size));
    let mut frames = 0;
    let mut error = None;
    loop {
        match capture.next_batch(Duration::ZERO) {
            Ok(batch) => {
                assert!(!batch.is_empty());
                frames += batch.len();
                let interfaces: Vec<_> = batch
                    .iter()
                    .map(|frame| {
                        assert!(frame.bytes.len() <= frame.meta.wire_len as usize);
                        frame.meta.interface as usize
                    })
                    .collect();
                assert!(interfaces.iter().all(|index| *index < capture.interfaces().len()));
            }
            Err(CaptureError::End) => break,
            Err(CaptureError::Format(broken @ FormatError::Broken { .. })) => {
                assert!(error.is_none(), "a break is told once");
                error = Some(broken.to_string());
            }
            Err(other) => panic!("{}: {other}", path.display()),
        }
    }
    assert!(capture.position() <= size);
    if error.is_none() {
        assert_eq!(capture.position(), size, "{}", path.display());
    }
    Read { frames: Some(frames), error }
}

/// Reads all files of the index on a thread of their own, so that one that hangs is named.
fn read_all(folder: &Path, names: Vec<String>) -> BTreeMap<String, Read> {
    let (sender, receiver) = mpsc::channel();
    let files = folder.join("files");
    let worker = {
        let names = names.clone();
        thread::spawn(move || {
            for name in names {
                let _ = sender.send(read(&files.join(name)));
            }
        })
    };
    let mut all = BTreeMap::new();
    for name in names {
        match receiver.recv_timeout(BOUND) {
            Ok(read) => {
                all.insert(name, read);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name} hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{name} panics"),
        }
    }
    worker.join().unwrap();
    all
}

/// What tshark says of a file.
struct Truth {
    name: String,
    frames: usize,
    /// Whether it stopped before the end.
    stops: bool,
}

fn index(folder: &Path) -> Vec<Truth> {
    let table = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name| header.iter().position(|column| *column == name).unwrap();
    let (frames, notes) = (column("packets"), column("notes"));
    lines
        .map(|row| Truth {
            name: row[0].to_owned(),
            frames: row[frames].parse().unwrap(),
            stops: row[notes].contains("tshark stops"),
        })
        .collect()
}

/// Files that are read otherwise than by tshark, and why. What is not opened has no frames.
const EXCEPTIONS: &[(&str, Option<usize>, &str)] = &[
    ("derived__fmt_k12text_zeek__dns_mdns.txt", None, K12),
    ("derived__fmt_modpcap_zeek__dns_mdns.pcap", None, MODIFIED),
    ("libpcap__filter_brcm-tag-stp.pcap", Some(4), LINK),
    ("libpcap__filter_brcm-tag.pcap", Some(15), LINK),
    ("libpcap__pcapng-invalid-vers-1.pcapng", None, VERSION),
    ("libpcap__pcapng-invalid-vers-2.pcapng", None, VERSION),
    ("packetgen__spec_pcapng_output_be_difficult_test202.pcapng", Some(8), CUSTOM),
    ("packetgen__spec_pcapng_output_le_difficult_test202.pcapng", Some(8), CUSTOM),
    (
        "pcapplusplus__fuzz_clusterfuzz-testcase-minimized-FuzzTarget-5631583764873216.pcap",
        Some(1),
        RESERVED,
    ),
    (
        "pcapplusplus__fuzz_clusterfuzz-testcase-minimized-FuzzTarget-5766899836387328.pcap",
        Some(1),
        RED_HAT,
    ),
    ("tcpdump__dsa-high-vid.pcap", Some(4), LINK),
    ("tcpdump__edsa.pcap", Some(10), LINK),
    ("tcpdump__hoobr_juniper3.pcap", Some(1), RESERVED),
    ("tcpdump__juniper_monitor_invalid_cookie_length.pcap", Some(1), LINK),
    ("tcpdump__vtp_asan-2.pcap", Some(1), LINK),
    ("tcpdump__vtp_asan.pcap", Some(5), LINK),
];

const K12: &str = "K12 text is not read, by contract";
const MODIFIED: &str = "modified pcap is not read, by contract";
const LINK: &str = "tshark refuses the file for its link type; here its frames are counted as such";
const VERSION: &str = "no such version of pcapng exists; tshark refuses it as well";
const CUSTOM: &str = "tshark counts custom blocks as packets; they are no frames";
const RESERVED: &str = "tshark refuses the file for reserved bits beside its link type; as the \
    pcap draft says, they are ignored";
const RED_HAT: &str = "tshark takes garbage of version 2.3 for a variant of pcap of Red Hat 6.1";

#[test]
fn frames_are_as_many_as_tshark_reads() {
    let Some(folder) = captures_dir() else { return };
    let index = index(&folder);
    assert_eq!(index.len(), 911);
    let all = read_all(&folder, index.iter().map(|truth| truth.name.clone()).collect());
    let mut wrong = Vec::new();
    for truth in &index {
        let read = &all[&truth.name];
        let expected = Read { frames: Some(truth.frames), error: None };
        let exception = EXCEPTIONS.iter().find(|(file, _, _)| *file == truth.name);
        let good = match exception {
            None => read.frames == expected.frames && read.error.is_some() == truth.stops,
            Some((_, frames, _)) => {
                read.frames == *frames && read.error.is_some() == frames.is_none()
            }
        };
        if !good {
            let why = exception.map_or("", |(_, _, why)| *why);
            wrong.push(format!("{}: {read:?}, not {expected:?} {why}", truth.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_read_to_its_end_says_why() {
    let Some(folder) = captures_dir() else { return };
    for (name, frames, told) in [
        (
            "derived__cut_midpacket_omphalos__avahi-discover.pcap",
            Some(367),
            "breaks off at byte 130447: the file ends after 461 of 472 bytes of a frame",
        ),
        (
            "derived__cut_zeek__dns_mdns.pcapng",
            Some(23),
            "breaks off at byte 5452: the file ends after 307 of 328 bytes of a block",
        ),
        (
            "derived__cut_zeek__dns_mdns.snoop",
            Some(23),
            "breaks off at byte 5156: the file ends after 311 of 320 bytes of a record",
        ),
        (
            "suricata__bug-1450-04_tls_DER-incomplete-header.pcap",
            Some(6),
            "a frame of 4325376 captured bytes, more than 262144",
        ),
        (
            "derived__fmt_k12text_zeek__dns_mdns.txt",
            None,
            "not a capture file that can be read: K12 text; `editcap -F pcap` converts it",
        ),
        (
            "derived__fmt_modpcap_zeek__dns_mdns.pcap",
            None,
            "not a capture file that can be read: modified pcap (Kuznetsov); `editcap -F pcap` \
             converts it",
        ),
    ] {
        let read = read(&folder.join("files").join(name));
        assert_eq!(read.frames, frames, "{name}");
        let error = read.error.unwrap();
        assert!(error.ends_with(told), "{name}: {error}");
    }
}
