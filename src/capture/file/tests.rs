//! Every format and variant, by hand-made files; cuts, corruption, compression and merging.

use super::samples::{
    Endian, Frames, Pcap, Pcapng, Sample, assert_same, drained, gzip, opened, snoop, zstandard,
};
use super::{FileCapture, FormatError, Merge, from_reader};
use crate::capture::{Capture, CaptureError};
use crate::frame::{Direction, LinkType};
use crate::time::Stamp;
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Cursor, Read};
use std::time::Duration;

fn few() -> Frames {
    Frames::every(Duration::from_micros(1_500), 5)
}

fn sample(bytes: &[u8]) -> Sample {
    Sample { seconds: 0, nanoseconds: 0, bytes: bytes.to_vec(), missing: 0 }
}

fn refused(file: &[u8]) -> String {
    match from_reader("sample", Box::new(Cursor::new(file.to_vec()))) {
        Ok(_) => panic!("was opened"),
        Err(error) => error.to_string(),
    }
}

fn labels(capture: &dyn Capture) -> Vec<&str> {
    capture.interfaces().iter().map(crate::frame::InterfaceName::label).collect()
}

fn broken(file: Vec<u8>) -> (usize, String) {
    let (frames, errors) = drained(&mut opened(file));
    (frames.len(), errors.first().expect("a break").to_string())
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for endian in [Endian::Little, Endian::Big] {
        for nanoseconds in [false, true] {
            let mut capture = Pcap { endian, nanoseconds, ..Pcap::default() }.capture(&few());
            let (seen, errors) = drained(&mut capture);
            assert!(errors.is_empty());
            assert_same(&seen, &few().0, if nanoseconds { 1 } else { 1_000 });
            assert_eq!(labels(&capture), ["capture"]);
        }
    }
}

#[test]
fn pcap_without_frames_is_a_capture() {
    let (seen, errors) = drained(&mut opened(Pcap::default().header()));
    assert!(seen.is_empty() && errors.is_empty());
}

#[test]
fn old_pcap_has_its_lengths_swapped() {
    let mut frames = few();
    frames.0[4].missing = 10;
    for (version, swapped) in
        [((2, 2), true), ((2, 3), true), ((2, 3), false), ((2, 4), false), ((543, 0), true)]
    {
        let pcap = Pcap { version, swapped, ..Pcap::default() };
        assert_same(&drained(&mut pcap.capture(&frames)).0, &frames.0, 1_000);
    }
    let pcap = Pcap { version: (3, 0), ..Pcap::default() };
    assert_eq!(refused(&pcap.header()), "not a capture file that can be read: pcap of version 3.0");
}

#[test]
fn pcap_link_types_and_check_sequences() {
    for (network, link) in [
        (0, LinkType::BsdLoopback),
        (12, LinkType::RawIp),
        (14, LinkType::RawIp),
        (101, LinkType::RawIp),
        (228, LinkType::RawIp),
        (229, LinkType::RawIp),
        (105, LinkType::Ieee80211),
        (108, LinkType::OpenBsdLoopback),
        (113, LinkType::LinuxCooked),
        (127, LinkType::Radiotap),
        (276, LinkType::LinuxCooked2),
        (147, LinkType::Other(147)),
    ] {
        let (seen, _) = drained(&mut Pcap { network, ..Pcap::default() }.capture(&few()));
        assert_eq!(seen[4].0.link, link);
    }
    // Bit 26: the length is given; the highest four bits: two units of 16 bits.
    let network = 0x2400_0001;
    let mut frames = few();
    frames.0[3].missing = 2;
    let (seen, _) = drained(&mut Pcap { network, ..Pcap::default() }.capture(&frames));
    let lengths: Vec<_> = seen.iter().map(|(meta, bytes)| (meta.wire_len, bytes.len())).collect();
    assert_eq!(lengths, [(0, 0), (0, 0), (0, 0), (1, 1), (0, 0)]);
    assert_eq!(seen[4].0.link, LinkType::Ethernet);
}

#[test]
fn more_captured_than_there_was_is_cut() {
    let mut file = Pcap::default().header();
    file.extend(Endian::Little.words(&[1, 0, 4, 2]));
    file.extend(*b"abcd");
    let (seen, errors) = drained(&mut opened(file));
    assert!(errors.is_empty());
    assert_eq!((seen[0].1.as_slice(), seen[0].0.wire_len), (&b"ab"[..], 2));
}

#[test]
fn absurd_lengths_are_a_break() {
    for captured in [262_145, u32::MAX] {
        let (mut file, ends) = Pcap::default().marked(&few());
        file.extend(Endian::Little.words(&[1, 0, captured, captured]));
        file.extend([0; 64]);
        let told = format!(
            "breaks off at byte {}: a frame of {captured} captured bytes, more than 262144",
            ends[4]
        );
        assert_eq!(broken(file), (5, told));
    }
    let (mut file, _) = snoop(&few());
    file.extend(Endian::Big.words(&[4, 4, 20, 0, 0, 0]));
    file.extend([0; 4]);
    assert!(broken(file).1.ends_with("a record of 20 bytes with a frame of 4 in it"));
}

#[test]
fn snoop_is_read() {
    let (seen, errors) = drained(&mut opened(snoop(&few()).0));
    assert!(errors.is_empty());
    assert_same(&seen, &few().0, 1_000);
    let mut other = snoop(&few()).0;
    other[11] = 3;
    assert!(refused(&other).ends_with("snoop of version 3"));
}

#[test]
fn pcapng_in_both_orders() {
    for endian in [Endian::Little, Endian::Big] {
        let (seen, errors) = drained(&mut opened(Pcapng::marked(endian, &few()).0));
        assert!(errors.is_empty());
        assert_same(&seen, &few().0, 1_000);
    }
}

#[test]
fn pcapng_sections_and_interfaces() {
    let offset = 100_i64.to_be_bytes();
    let mut capture = Pcapng::default()
        .section(Endian::Little)
        .interface(1, 0, &[])
        .interface(113, 0, &[(2, b"eth0"), (9, &[9])])
        .interface(101, 0, &[(9, &[0x8a])])
        .enhanced(2, 1_536, &sample(b"c"), &[])
        .enhanced(1, 5, &sample(b"b"), &[])
        .enhanced(0, 5, &sample(b"a"), &[])
        .block(0x0bad_cafe, b"some custom block", &[])
        .section(Endian::Big)
        .interface(276, 0, &[(2, b"eth0\0"), (14, &offset)])
        .interface(1, 0, &[(2, b"")])
        .enhanced(0, 7, &sample(b"d"), &[])
        .obsolete(1, 1 << 32, &sample(b"e"))
        .capture();
    let (seen, errors) = drained(&mut capture);
    assert!(errors.is_empty(), "{errors:?}");
    let told: Vec<_> = seen
        .iter()
        .map(|(meta, bytes)| (bytes[0], meta.interface, meta.link, meta.stamp))
        .collect();
    assert_eq!(
        told,
        [
            (b'c', 2, LinkType::RawIp, Stamp::new(1, 500_000_000)),
            (b'b', 1, LinkType::LinuxCooked, Stamp(5)),
            (b'a', 0, LinkType::Ethernet, Stamp(5_000)),
            (b'd', 3, LinkType::LinuxCooked2, Stamp::new(100, 7_000)),
            (b'e', 4, LinkType::Ethernet, Stamp(1_000 << 32)),
        ]
    );
    assert_eq!(labels(&capture), ["capture", "eth0", "capture2", "eth0", "capture1"]);
}

#[test]
fn pcapng_simple_packets_have_the_stamp_before_and_the_snap_length() {
    let cut = Sample { missing: 3, ..sample(b"abcd") };
    let (seen, errors) = drained(
        &mut Pcapng::default()
            .section(Endian::Little)
            .interface(1, 4, &[])
            .simple(&sample(b"x"))
            .enhanced(0, 8, &sample(b"y"), &[])
            .simple(&cut)
            .capture(),
    );
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(seen.iter().map(|(meta, _)| meta.stamp.0).collect::<Vec<_>>(), [0, 8_000, 8_000]);
    assert_eq!((seen[2].0.wire_len, seen[2].1.as_slice()), (7, &b"abcd"[..]));
}

#[test]
fn pcapng_direction_and_check_sequence() {
    let body = sample(b"abcdefgh");
    let flags = |bits: u32| bits.to_le_bytes();
    let mut capture = Pcapng::default()
        .section(Endian::Little)
        .interface(1, 0, &[(13, &[4])])
        .interface(1, 0, &[(13, &[32])])
        .enhanced(0, 0, &body, &[])
        .enhanced(1, 0, &body, &[(1, b"comment"), (2, &flags(1))])
        .enhanced(1, 0, &body, &[(2, &flags(2 | 2 << 5))])
        .capture();
    let (seen, _) = drained(&mut capture);
    let told: Vec<_> =
        seen.iter().map(|(meta, bytes)| (meta.direction, meta.wire_len, bytes.len())).collect();
    assert_eq!(
        told,
        [(Direction::Unknown, 4, 4), (Direction::Incoming, 4, 4), (Direction::Outgoing, 6, 6)]
    );
}

#[test]
fn pcapng_that_makes_no_sense_is_a_break() {
    let start = || Pcapng::default().section(Endian::Little).interface(1, 0, &[]);
    let good = || start().enhanced(0, 0, &sample(b"a"), &[]);
    let at = good().file.len();
    let told = |file: Pcapng| broken(file.file);
    let expect = |what: &str| (1, format!("breaks off at byte {at}: {what}"));

    assert_eq!(
        told(good().enhanced(1, 0, &sample(b"b"), &[])),
        expect("a frame of interface 1, of which the section has declared 1")
    );
    assert_eq!(
        told(good().block(3, &[200, 0, 0, 0, 1], &[])),
        expect("a frame of 200 captured bytes in a block with room for 4")
    );
    assert_eq!(
        told(good().block(6, b"abc", &[])),
        expect("an enhanced packet block with 4 bytes in it")
    );
    let mut file = good().enhanced(0, 0, &sample(b"b"), &[]);
    let last = file.file.len() - 4;
    file.file[last] ^= 1;
    assert_eq!(told(file), expect("a block of 36 bytes by its header, 37 by its end"));
    let mut file = good();
    file.file.extend([6, 0, 0, 0, 8, 0, 0, 0]);
    assert_eq!(told(file), expect("a block of 8 bytes"));
    let mut file = good();
    file.file.extend([6, 0, 0, 0, 0, 0, 0, 0x10]);
    assert_eq!(told(file), expect("a block of 268435456 bytes, more than 16777216"));
    let (count, what) = told(good().section(Endian::Big).enhanced(0, 0, &sample(b"b"), &[]));
    assert_eq!(count, 1);
    assert!(what.ends_with("a frame of interface 0, of which the section has declared 0"));
    let mut file = good();
    file.file.extend([9, 0, 0, 0, 0, 0, 0, 0x10]);
    assert_eq!(
        told(file),
        (
            1,
            format!(
                "breaks off at byte {}: the file ends within a block of 268435456 bytes of type 9",
                at + 8
            )
        )
    );
}

#[test]
fn pcapng_lengths_without_their_padding_are_read() {
    let mut file = Pcapng::default().section(Endian::Little).interface(1, 0, &[]);
    let block = file.file.len();
    file = file.enhanced(0, 0, &sample(b"abc"), &[]).enhanced(0, 0, &sample(b"d"), &[]);
    file.file[block + 4] -= 1;
    let (seen, errors) = drained(&mut file.capture());
    assert_eq!((seen.len(), errors.len()), (2, 0));
}

#[test]
fn large_blocks_that_are_not_read_are_skipped() {
    let file = Pcapng::default()
        .section(Endian::Little)
        .block(10, &vec![7; 5_000_000], &[])
        .interface(1, 0, &[])
        .enhanced(0, 0, &sample(b"a"), &[]);
    let mut capture = file.capture();
    let (seen, errors) = drained(&mut capture);
    assert_eq!((seen.len(), errors.len()), (1, 0));
    assert!(capture.window.memory().len() < 1_000_000);
}

#[test]
fn frames_larger_than_the_window_are_read() {
    let large = Sample { bytes: vec![1; 262_144], ..sample(b"") };
    let frames = Frames(vec![large.clone(), sample(b"a"), large.clone(), large]);
    let (seen, _) = drained(&mut Pcap::default().capture(&frames));
    assert_same(&seen, &frames.0, 1_000);
}

#[test]
fn what_is_not_read_is_named() {
    let prefix = "not a capture file that can be read: ";
    assert_eq!(refused(b""), format!("{prefix}an empty file"));
    assert_eq!(refused(&gzip(b"")), format!("{prefix}an empty file"));
    let modified = [0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0];
    assert!(refused(&modified).contains("modified pcap"));
    assert_eq!(refused(b"some text\n"), format!("{prefix}text"));
    let file = Pcap::default().write(&few());
    assert!(refused(&gzip(&gzip(&gzip(&file)))).contains("gzip in compressed data"));
    assert_eq!(
        refused(&file[..20]),
        "breaks off at byte 0: the file ends after 20 of 24 bytes of its pcap header"
    );
    let mut other = Pcapng::default().section(Endian::Little).file;
    other[14] = 1;
    assert_eq!(refused(&other), format!("{prefix}pcapng of version 1.1"));
    other[8] = 0;
    assert!(refused(&other).ends_with("a pcapng section without its byte-order magic"));
}

#[test]
fn compression_is_taken_off() {
    let frames = Frames::every(Duration::from_micros(7), 20_000);
    let file = Pcap::default().write(&frames);
    let (first, second) = file.split_at(file.len() / 3);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3].to_vec();
    for packed in [
        gzip(&file),
        zstandard(&file),
        [gzip(first), gzip(second)].concat(),
        [gzip(first), gzip(b""), gzip(second), vec![0; 1_000]].concat(),
        [zstandard(first), skippable.clone(), zstandard(second)].concat(),
        [skippable.clone(), zstandard(&file), skippable].concat(),
        gzip(&zstandard(&file)),
        zstandard(&gzip(&file)),
        gzip(&gzip(&file)),
    ] {
        let size = packed.len() as u64;
        let mut capture = opened(packed);
        let progress = capture.progress();
        let (seen, errors) = drained(&mut capture);
        assert!(errors.is_empty(), "{errors:?}");
        assert_same(&seen, &frames.0, 1_000);
        assert_eq!((capture.position(), progress.position(), capture.size()), (size, size, None));
    }
}

#[test]
fn corrupt_compression_is_a_break_behind_its_frames() {
    let frames = Frames::every(Duration::from_micros(7), 20_000);
    let file = Pcap::default().write(&frames);
    let whole = drained(&mut opened(file.clone())).0;
    for (packed, name) in [(gzip(&file), "gzip data: "), (zstandard(&file), "Zstandard data: ")] {
        let read = |packed: Vec<u8>| {
            let (seen, errors) = drained(&mut opened(packed));
            assert!(errors[0].to_string().contains(name), "{errors:?}");
            seen
        };
        let seen = read(packed[..packed.len() - 10].to_vec());
        assert_eq!(seen[..], whole[..seen.len()]);
        assert!(seen.len() > 18_000, "{name}{}", seen.len());
        let seen = read(packed[..packed.len() / 2].to_vec());
        assert_eq!(seen[..], whole[..seen.len()]);
        assert!((8_000..11_000).contains(&seen.len()), "{name}{}", seen.len());
        let mut checksum = packed.clone();
        let last = packed.len() - if name.starts_with("gzip") { 5 } else { 1 };
        checksum[last] ^= 1;
        assert_eq!(read(checksum).len(), whole.len());
    }
    let (seen, errors) = drained(&mut opened([gzip(&file), b"rubbish".to_vec()].concat()));
    assert_eq!(seen.len(), 20_000);
    assert!(errors[0].to_string().ends_with("gzip data: something else behind it"));
}

#[test]
fn a_failing_disk_is_not_a_broken_file() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(libc::EIO))
        }
    }
    let file = Pcap::default().write(&few());
    for whole in [file.clone(), gzip(&file), zstandard(&file)] {
        let cut = Cursor::new(whole[..whole.len() - 1].to_vec());
        let error = match from_reader("disk", Box::new(cut.chain(Failing))) {
            Ok(mut capture) => drained(&mut capture).1.remove(0),
            Err(error) => error,
        };
        assert!(matches!(&error, CaptureError::Io { object, .. } if object == "disk"), "{error}");
    }
}

#[test]
fn bytes_that_trickle_in_are_read() {
    struct Trickle(Cursor<Vec<u8>>);
    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = buffer.len().min(1);
            self.0.read(&mut buffer[..len])
        }
    }
    for file in [Pcap::default().write(&few()), gzip(&snoop(&few()).0)] {
        let mut capture = from_reader("pipe", Box::new(Trickle(Cursor::new(file)))).unwrap();
        let (seen, errors) = drained(&mut capture);
        assert!(errors.is_empty());
        assert_same(&seen, &few().0, 1_000);
    }
}

#[test]
fn opening_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcap");
    let Err(error) = super::open(&path) else { panic!("opened what is not there") };
    assert!(error.to_string().starts_with(&format!("opening on {}: ", path.display())), "{error}");
    std::fs::write(&path, Pcap::default().write(&few())).unwrap();
    let mut capture = super::open(&path).unwrap();
    assert_eq!(drained(&mut capture).0.len(), 5);
    assert_eq!(capture.size(), Some(capture.position()));
    assert!(super::open(folder.path()).is_err());
}

/// A capture whose frames are `letter` at these seconds.
fn lettered(letter: u8, seconds: &[u64]) -> Vec<u8> {
    let mut frames = Frames::at(seconds.iter().map(|second| Duration::from_secs(*second)));
    for sample in &mut frames.0 {
        sample.bytes = vec![letter; 3];
    }
    Pcap::default().write(&frames)
}

fn merged(files: Vec<Vec<u8>>) -> (Merge, Vec<(u8, i128)>) {
    let mut merge = Merge::new(files.into_iter().map(opened).collect::<Vec<FileCapture>>());
    let (seen, errors) = drained(&mut merge);
    assert!(errors.is_empty());
    let told = seen.iter().map(|(meta, bytes)| (bytes[0], meta.stamp.0 / 1_000_000_000)).collect();
    (merge, told)
}

#[test]
fn files_are_merged_by_stamp() {
    let files =
        vec![lettered(b'a', &[1, 3, 5, 5]), lettered(b'b', &[1, 2, 5, 9]), lettered(b'c', &[])];
    let (merge, told) = merged(files);
    assert_eq!(
        told,
        [(b'a', 1), (b'b', 1), (b'b', 2), (b'a', 3), (b'a', 5), (b'a', 5), (b'b', 5), (b'b', 9)]
    );
    assert!(merge.failures().is_empty());
    assert_eq!(labels(&merge), ["capture", "capture"]);
}

#[test]
fn a_files_own_order_is_kept() {
    let (_, told) = merged(vec![lettered(b'a', &[5, 2, 7]), lettered(b'b', &[3, 6])]);
    assert_eq!(told, [(b'b', 3), (b'a', 5), (b'a', 2), (b'b', 6), (b'a', 7)]);
}

#[test]
fn a_file_that_breaks_ends_and_the_others_go_on() {
    let mut cut = lettered(b'a', &[1, 2, 3]);
    cut.pop();
    for alone in [true, false] {
        let mut files = vec![cut.clone()];
        if !alone {
            files.push(lettered(b'b', &[2, 9]));
        }
        let (merge, told) = merged(files);
        let expected = [(b'a', 1), (b'a', 2), (b'b', 2), (b'b', 9)];
        assert_eq!(told, expected[..if alone { 2 } else { 4 }]);
        let [(label, error)] = merge.failures() else { panic!("{:?}", merge.failures()) };
        assert_eq!(label, "sample");
        assert!(
            matches!(error, CaptureError::Format(FormatError::Broken { offset: 62, .. })),
            "{error}"
        );
    }
}

#[test]
fn merged_interfaces_are_those_of_all_files() {
    let named = |name: &[u8], ticks| {
        Pcapng::default()
            .section(Endian::Little)
            .interface(1, 0, &[(2, name)])
            .enhanced(0, ticks, &sample(name), &[])
            .interface(1, 0, &[(2, b"late")])
            .enhanced(1, ticks + 10, &sample(b"late"), &[])
            .file
    };
    let mut merge = Merge::new(vec![opened(named(b"eth0", 1)), opened(named(b"eth1", 2))]);
    let (seen, _) = drained(&mut merge);
    assert_eq!(seen.len(), 4);
    for (meta, bytes) in seen {
        assert_eq!(merge.interfaces()[meta.interface as usize].label().as_bytes(), bytes);
    }
}

#[test]
fn large_files_are_merged_whole() {
    let frames = Frames::every(Duration::from_millis(2), 20_000);
    let files = (0..3).map(|_| Pcap::default().capture(&frames)).collect();
    let (seen, errors) = drained(&mut Merge::new(files));
    assert!(errors.is_empty());
    assert_eq!(seen.len(), 60_000);
    assert!(seen.is_sorted_by_key(|(meta, _)| meta.stamp));
    assert!(
        seen.chunks(3)
            .zip(&frames.0)
            .all(|(three, sample)| { three.iter().all(|(_, bytes)| *bytes == sample.bytes) })
    );
}

fn frames() -> impl Strategy<Value = Frames> {
    let sample = (any::<u32>(), 0..1_000_000_000u32, vec(any::<u8>(), 0..40), 0..100u32);
    vec(sample, 0..8).prop_map(|samples| {
        let make = |(seconds, nanoseconds, bytes, missing)| Sample {
            seconds,
            nanoseconds,
            bytes,
            missing,
        };
        Frames(samples.into_iter().map(make).collect())
    })
}

/// A file in each format, where its header ends and where its frames end.
fn written(frames: &Frames) -> Vec<(Vec<u8>, usize, Vec<usize>)> {
    let empty = Frames(Vec::new());
    let big = Pcap { endian: Endian::Big, ..Pcap::default() };
    [
        (Pcap::default().marked(frames), 24),
        (big.marked(frames), 24),
        (Pcapng::marked(Endian::Little, frames), Pcapng::marked(Endian::Little, &empty).0.len()),
        (Pcapng::marked(Endian::Big, frames), Pcapng::marked(Endian::Big, &empty).0.len()),
        (snoop(frames), 16),
    ]
    .into_iter()
    .map(|((file, ends), header)| (file, header, ends))
    .collect()
}

/// Reads to the end whatever it is.
fn exhaust(file: Vec<u8>) {
    if let Ok(mut capture) = from_reader("sample", Box::new(Cursor::new(file))) {
        drained(&mut capture);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(frames in frames()) {
        for (file, _, _) in written(&frames) {
            for packed in [gzip(&file), zstandard(&file), file] {
                let (seen, errors) = drained(&mut opened(packed));
                prop_assert!(errors.is_empty());
                assert_same(&seen, &frames.0, 1_000);
            }
        }
    }

    #[test]
    fn cut_files_give_every_whole_frame(frames in frames()) {
        for (file, header, ends) in written(&frames) {
            for cut in 0..file.len() {
                let opened = from_reader("cut", Box::new(Cursor::new(file[..cut].to_vec())));
                let Ok(mut capture) = opened else {
                    prop_assert!(cut < header);
                    continue;
                };
                let whole = ends.iter().filter(|end| **end <= cut).count();
                let (seen, errors) = drained(&mut capture);
                assert_same(&seen, &frames.0[..whole], 1_000);
                let proper = cut >= header && (cut == header || ends.contains(&cut));
                if cut >= header {
                    prop_assert_eq!(errors.is_empty(), proper);
                }
            }
        }
    }

    #[test]
    fn any_bytes_end(bytes in vec(any::<u8>(), 0..400)) {
        for (file, header, _) in written(&Frames(Vec::new())) {
            exhaust([&file[..header], &bytes].concat());
        }
        exhaust([&gzip(b"")[..10], &bytes].concat());
        exhaust([&zstandard(b"a")[..4], &bytes].concat());
        exhaust(bytes);
    }

    #[test]
    fn flipped_bytes_end(
        frames in frames(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        for (file, _, _) in written(&frames) {
            for mut packed in [gzip(&file), zstandard(&file), file] {
                for (at, value) in &flips {
                    let at = at.index(packed.len());
                    packed[at] = *value;
                }
                exhaust(packed);
            }
        }
    }
}
