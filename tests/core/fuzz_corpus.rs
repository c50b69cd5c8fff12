//! The fuzz targets on stable and without a fuzzer: every file of the corpus, and each one changed
//! some thousand times, always in the same way.

#[path = "../../fuzz/seeds.rs"]
mod seeds;
#[path = "../../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// Changed copies of each file.
const COPIES: usize = 2_000;
/// Changes of a copy, at most.
const CHANGES: u64 = 6;
/// Octets that the corpus may take.
const CORPUS_MAX: u64 = 200_000;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The files of a target by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder(target)).expect("a corpus");
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

/// Numbers that look random (xorshift64*, Vigna 2016), the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(number).expect("32 bits") % end.max(1)
    }
}

/// Values that lengths, counts, types and pointers dislike.
const ODD: [u8; 10] = [0, 1, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

fn change(bytes: &mut Vec<u8>, others: &[(String, Vec<u8>)], numbers: &mut Numbers) {
    let at = numbers.below(bytes.len() + 1);
    let (_, other) = &others[numbers.below(others.len())];
    match numbers.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
        1 if at < bytes.len() => bytes[at] = ODD[numbers.below(ODD.len())],
        2 => bytes.truncate(at),
        3 => bytes.insert(at, ODD[numbers.below(ODD.len())]),
        4 => {
            let end = (at + 1 + numbers.below(16)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        // The end of another file.
        5 => {
            bytes.truncate(at);
            bytes.extend(&other[numbers.below(other.len() + 1)..]);
        }
        // A piece of its own once more.
        _ => {
            let end = (at + numbers.below(64)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = numbers.below(bytes.len() + 1);
            bytes.splice(to..to, piece);
        }
    }
}

/// Calls a target, and says with what if it panics.
fn call(target: fn(&[u8]), name: &str, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{name}: {input:02x?}");
        resume_unwind(panic);
    }
}

fn replay(folder: &str, target: fn(&[u8])) {
    let files = corpus(folder);
    assert!(files.len() >= 5, "{folder}: {} files", files.len());
    target(&[]);
    for (name, bytes) in &files {
        call(target, name, bytes);
        let seed = name.bytes().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut numbers = Numbers(seed);
        for _ in 0..COPIES {
            let mut copy = bytes.clone();
            for _ in 0..=numbers.below(usize::try_from(CHANGES).expect("few")) {
                change(&mut copy, &files, &mut numbers);
            }
            call(target, name, &copy);
        }
    }
}

#[test]
fn frames_of_every_link() {
    replay("frame", targets::frame);
}

#[test]
fn messages_of_multicast_dns() {
    replay("mdns", targets::mdns);
}

#[test]
fn capture_files_of_every_format() {
    replay("capture", targets::capture);
}

#[test]
fn datagrams_of_netlink() {
    replay("netlink", targets::netlink);
}

#[test]
fn every_link_type_has_a_seed() {
    let links: Vec<u8> = corpus("frame").iter().map(|(_, bytes)| bytes[0]).collect();
    for link in 0..u8::try_from(targets::LINKS.len()).expect("few") {
        assert!(links.contains(&link), "{:?}", targets::LINKS[usize::from(link)]);
    }
}

#[test]
fn the_seeds_are_written_and_the_corpus_is_small() {
    let mut total = 0;
    for target in ["frame", "mdns", "capture", "netlink"] {
        total += corpus(target).iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    }
    assert!(total <= CORPUS_MAX, "{total}");
    for seed in seeds::seeds() {
        let written = fs::read(folder(seed.target).join(&seed.name)).unwrap_or_default();
        let hint = "`cargo run --example fuzz_corpus` writes it";
        assert!(written == seed.bytes, "{}/{}: {hint}", seed.target, seed.name);
    }
}
