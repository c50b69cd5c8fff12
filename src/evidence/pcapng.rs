//! A recording as a pcapng file (draft-ietf-opsawg-pcapng): one section, one interface, enhanced
//! packet blocks. Comments say which device, which cause and which rate, and which rules it broke.
//!
//! Tags that the network card took out are put back, as tcpdump does, so that the file shows what
//! was on the wire.

use super::recorder::{Heading, Recording};
use crate::frame::{LinkType, Tag};

/// Nanoseconds (`if_tsresol`).
const NANOSECONDS: u8 = 9;
/// Addresses of an Ethernet frame: a tag stands behind them.
const ADDRESSES: usize = 12;

/// The file's octets.
pub(super) fn file(recording: &Recording) -> Vec<u8> {
    let Recording { heading, frames, broken, .. } = recording;
    let link = frames.first().map_or(LinkType::Ethernet, |frame| frame.meta.link);
    let mut file =
        Vec::with_capacity(512 + frames.iter().map(|f| f.bytes.len() + 64).sum::<usize>());
    section(&mut file, heading, broken);
    interface(&mut file, link, &heading.interface);
    for frame in frames.iter().filter(|frame| frame.meta.link == link) {
        let nanoseconds = u64::try_from(frame.meta.stamp.0.max(0)).unwrap_or(u64::MAX);
        let tag = frame
            .meta
            .stripped_tag
            .filter(|_| link == LinkType::Ethernet && frame.bytes.len() >= ADDRESSES);
        packet(&mut file, nanoseconds, tag, &frame.bytes, frame.meta.wire_len);
    }
    file
}

fn section(file: &mut Vec<u8>, heading: &Heading, broken: &[String]) {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    // Version 1.0, section length not given.
    body.extend([1, 0, 0, 0]);
    body.extend([0xff; 8]);
    for comment in std::iter::once(&heading.comment).chain(broken) {
        option(&mut body, 1, comment.as_bytes());
    }
    option(&mut body, 4, concat!("multicast_exporter ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut body, 0, &[]);
    block(file, 0x0a0d_0d0a, &body);
}

fn interface(file: &mut Vec<u8>, link: LinkType, name: &str) {
    let mut body = Vec::new();
    body.extend(number(link).to_le_bytes());
    body.extend([0; 2]);
    // No limit.
    body.extend([0; 4]);
    option(&mut body, 2, name.as_bytes());
    option(&mut body, 9, &[NANOSECONDS]);
    option(&mut body, 0, &[]);
    block(file, 1, &body);
}

fn packet(file: &mut Vec<u8>, nanoseconds: u64, tag: Option<Tag>, bytes: &[u8], wire_len: u32) {
    let put_back = if tag.is_some() { 4 } else { 0 };
    let [a, b, c, d, low @ ..] = nanoseconds.to_be_bytes();
    let high = u32::from_be_bytes([a, b, c, d]);
    let low = u32::from_be_bytes(low);
    let captured = length(bytes.len()).saturating_add(put_back);
    // A frame whose length on the wire is not known has at least the length that is there.
    let original = wire_len.saturating_add(put_back).max(captured);
    let mut body = Vec::with_capacity(24 + bytes.len() + 8);
    for field in [0, high, low, captured, original] {
        body.extend(field.to_le_bytes());
    }
    match tag {
        Some(Tag { tpid, tci }) => {
            let (addresses, rest) = bytes.split_at(ADDRESSES);
            body.extend(addresses);
            body.extend(tpid.to_be_bytes());
            body.extend(tci.to_be_bytes());
            body.extend(rest);
        }
        None => body.extend(bytes),
    }
    body.resize(body.len().next_multiple_of(4), 0);
    block(file, 6, &body);
}

/// A block: type, total length, body, total length again.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let total = length(body.len()).saturating_add(12).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(total);
    file.extend(body);
    file.extend(total);
}

/// An option, cut to what its length field can say, filled up to a multiple of 4.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(&value[..usize::from(len)]);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The number of a link type in the tcpdump registry.
const fn number(link: LinkType) -> u16 {
    match link {
        LinkType::BsdLoopback => 0,
        LinkType::Ethernet => 1,
        LinkType::RawIp => 101,
        LinkType::Ieee80211 => 105,
        LinkType::OpenBsdLoopback => 108,
        LinkType::LinuxCooked => 113,
        LinkType::Radiotap => 127,
        LinkType::LinuxCooked2 => 276,
        LinkType::Other(number) => number,
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorder::Recorder;
    use super::*;
    use crate::capture::{self, Capture};
    use crate::decode::Sender;
    use crate::frame::{Direction, Frame, FrameMeta};
    use crate::mac::Mac;
    use crate::time::{Stamp, Time};
    use std::time::Duration;

    fn recording(link: LinkType, stripped_tag: Option<Tag>, bytes: &[u8]) -> Recording {
        let sender = Sender::Mac(Mac([2; 6]));
        let meta = FrameMeta {
            stamp: Stamp::new(1_700_000_000, 123_456_789),
            interface: 0,
            link,
            stripped_tag,
            direction: Direction::Incoming,
            wire_len: 200,
        };
        let mut recorder = Recorder::new(2);
        recorder.handle_frame(0, sender, &Frame { meta, bytes }, false);
        recorder.handle_frame(0, sender, &Frame { meta, bytes: &bytes[..14] }, false);
        let heading = Heading {
            id: "id".into(),
            interface: "eth0.30".into(),
            comment: "a printer\nrepeats itself".into(),
        };
        recorder.handle_begin(Time(0), 0, sender, heading);
        recorder.end();
        let mut recording = recorder.poll().expect("complete");
        recording.explain(|interface, _, first| vec![format!("{interface} from {}", first.0)]);
        recording.explain(|_, _, _| vec!["too late".into()]);
        recording
    }

    /// Frames of a file by our own reader, with the names of its interfaces.
    fn read(octets: &[u8]) -> Vec<(FrameMeta, Vec<u8>, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcapng");
        std::fs::write(&path, octets).unwrap();
        let mut file = capture::file::open(&path).expect("a capture file");
        let mut frames = Vec::new();
        while let Ok(batch) = file.next_batch(Duration::ZERO) {
            let name = batch.interfaces()[0].label().to_owned();
            frames.extend(batch.iter().map(|f| (f.meta, f.bytes.to_vec(), name.clone())));
        }
        frames
    }

    #[test]
    fn what_is_written_can_be_read() {
        let bytes: Vec<u8> = (0..61).collect();
        for link in [LinkType::Ethernet, LinkType::RawIp, LinkType::LinuxCooked2] {
            let frames = read(&file(&recording(link, None, &bytes)));
            assert_eq!(frames.len(), 2);
            let (meta, there, name) = &frames[0];
            assert_eq!((meta.link, meta.wire_len), (link, 200));
            assert_eq!(meta.stamp, Stamp::new(1_700_000_000, 123_456_789));
            assert_eq!((&there[..], &name[..]), (&bytes[..], "eth0.30"));
        }
    }

    #[test]
    fn the_file_says_what_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcapng");
        std::fs::write(&path, file(&recording(LinkType::Ethernet, None, &[0; 61]))).unwrap();
        let mut merge = capture::file::Merge::new(vec![capture::file::open(&path).unwrap()]);
        while merge.next_batch(Duration::ZERO).is_ok() {}
        let label = path.display().to_string();
        let said = ["a printer\u{fffd}repeats itself", "eth0.30 from 1700000000123456789"];
        assert_eq!(merge.comments(), said.map(|said| (label.clone(), said.to_owned())));
    }

    #[test]
    fn a_tag_that_was_taken_out_is_put_back() {
        let bytes: Vec<u8> = (0..61).collect();
        let tag = Tag { tpid: 0x8100, tci: 30 };
        let frames = read(&file(&recording(LinkType::Ethernet, Some(tag), &bytes)));
        let (meta, there, _) = &frames[0];
        assert_eq!(meta.wire_len, 204);
        assert_eq!(there[..12], bytes[..12]);
        assert_eq!(there[12..16], [0x81, 0, 0, 30]);
        assert_eq!(there[16..], bytes[12..]);
    }
}
