//! Every frame of real captures against what tshark made of it: protocols by source, and mDNS
//! messages in detail. The captures are other people's and not part of the project: see
//! docs/testing.md for where they are looked for.

use crate::support::captures_dir;
use multicast_exporter::decode::mdns::{self, HashKey, Shape};
use multicast_exporter::decode::{self, Cast, Message, Protocol};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::time::Stamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const KEY: HashKey = HashKey([1, 2, 3, 4]);

/// Differences that are tshark's doing.
const EXPLAINED: [(&str, &str); 5] = [
    // tshark takes the sections of an update (opcode 5) for something else.
    ("derived__port5353__arkime__pcap_dns-update.pcap", "probes"),
    // A UDP length of 8, with a message behind it that is no part of the datagram: tshark does
    // not call it mDNS; here it is mDNS without a header, which is malformed.
    ("derived__port5353__tcpdump__dns-zlip-2.pcap", "malformed"),
    // From port 5353 to port 500: tshark takes it for ISAKMP.
    ("derived__port5353__tcpdump__dns_fwdptr.pcap", "responses"),
    ("derived__port5353__tcpdump__dns_fwdptr.pcap", "no_dns_header"),
    ("derived__port5353__tcpdump__dns_fwdptr.pcap", "questions_decoded"),
];

/// The frames of a classic pcap file: link type, captured bytes, length on the wire. `None` for
/// other formats, which are the capture module's to read.
fn read_pcap(file: &[u8]) -> Option<Vec<(LinkType, &[u8], u32)>> {
    let big = match file.get(..4)? {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => false,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => true,
        _ => return None,
    };
    let word = |at: usize| {
        let field: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
    };
    let link = match word(20)? & 0x0fff_ffff {
        0 => LinkType::BsdLoopback,
        1 => LinkType::Ethernet,
        12 | 14 | 101 | 228 | 229 => LinkType::RawIp,
        105 => LinkType::Ieee80211,
        108 => LinkType::OpenBsdLoopback,
        113 => LinkType::LinuxCooked,
        127 => LinkType::Radiotap,
        276 => LinkType::LinuxCooked2,
        other => LinkType::Other(u16::try_from(other).unwrap_or(u16::MAX)),
    };
    let mut frames = Vec::new();
    let mut at = 24;
    while let (Some(captured), Some(wire_len)) = (word(at + 8), word(at + 12)) {
        let Some(bytes) = file.get(at + 16..at + 16 + captured as usize) else { break };
        frames.push((link, bytes, wire_len));
        at += 16 + bytes.len();
    }
    Some(frames)
}

fn frame(link: LinkType, bytes: &[u8], wire_len: u32) -> Frame<'_> {
    let meta = FrameMeta {
        stamp: Stamp::default(),
        interface: 0,
        link,
        stripped_tag: None,
        direction: Direction::Unknown,
        wire_len,
    };
    Frame { meta, bytes }
}

/// The files of a folder of truths with the truth of each, if they are classic pcap.
fn truths(folder: &Path, kind: &str) -> Vec<(String, Vec<u8>, Value)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder.join(kind)).expect("truths").flatten() {
        let truth: Value =
            serde_json::from_slice(&std::fs::read(entry.path()).expect("truth")).expect("JSON");
        let name = truth["file"].as_str().expect("file").to_owned();
        if let Ok(bytes) = std::fs::read(folder.join("files").join(&name)) {
            all.push((name, bytes, truth));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// What the truth's kinds are called here; the two kinds of other are one there.
fn label(kind: &str) -> &str {
    match kind {
        "ws-discovery" => "wsd",
        "ndp" => "nd",
        "dhcpv6" => "dhcp",
        "nbns" | "nbdgm" => "netbios",
        "mdns" | "ssdp" | "llmnr" | "igmp" | "mld" | "arp" | "dhcp" => kind,
        _ => "other",
    }
}

type Counts = BTreeMap<String, (u64, u64)>;

fn counts_of(truth: &Value) -> Counts {
    let mut counts = Counts::new();
    for (kind, count) in truth.as_object().into_iter().flatten() {
        let entry = counts.entry(label(kind).to_owned()).or_default();
        entry.0 += count["packets"].as_u64().expect("packets");
        entry.1 += count["bytes"].as_u64().expect("bytes");
    }
    counts
}

#[test]
fn protocols_are_those_of_tshark() {
    let Some(folder) = captures_dir() else { return };
    let (mut files, mut differences) = (0, Vec::new());
    for (name, bytes, truth) in truths(&folder, "truth_mcast") {
        let Some(frames) = read_pcap(&bytes) else { continue };
        if name.contains("rarp") {
            // RARP is not ARP, though tshark says so.
            continue;
        }
        files += 1;
        let mut total = Counts::new();
        let mut by_source: BTreeMap<String, Counts> = BTreeMap::new();
        let mut converted = 0;
        for (link, bytes, wire_len) in frames {
            let seen = decode::decode(&frame(link, bytes, wire_len));
            converted += u64::from(seen.cast == Cast::Converted);
            if seen.cast != Cast::Group {
                continue;
            }
            let label = match seen.protocol {
                Protocol::OtherMulticast | Protocol::OtherBroadcast => "other",
                named => named.label(),
            };
            let source = seen.source_mac.map(|mac| mac.to_string()).unwrap_or_default();
            for counts in [&mut total, by_source.entry(source).or_default()] {
                let entry = counts.entry(label.to_owned()).or_default();
                entry.0 += 1;
                entry.1 += u64::from(wire_len);
            }
        }
        let expected = counts_of(&truth["group_addressed"]);
        if total != expected {
            differences.push(format!("{name}: {total:?}, tshark {expected:?}"));
        }
        let expected: BTreeMap<String, Counts> = truth["by_source_mac"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(mac, counts)| (mac.clone(), counts_of(counts)))
            .collect();
        if by_source != expected {
            for (mac, counts) in &by_source {
                if expected.get(mac) != Some(counts) {
                    let other = expected.get(mac);
                    differences.push(format!("{name} {mac}: {counts:?}, tshark {other:?}"));
                }
            }
        }
        let expected = truth["multicast_ip_in_unicast_mac_frames"].as_u64().unwrap_or(0);
        if converted != expected {
            differences.push(format!("{name}: {converted} converted, tshark {expected}"));
        }
    }
    println!("{files} files, {} differences", differences.len());
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn mdns_messages_are_those_of_tshark() {
    let Some(folder) = captures_dir() else { return };
    let (mut files, mut differences) = (0, Vec::new());
    for (name, bytes, truth) in truths(&folder, "truth") {
        let Some(frames) = read_pcap(&bytes) else { continue };
        files += 1;
        let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
        let mut malformed_frames = Vec::new();
        for (number, (link, bytes, wire_len)) in (1_u64..).zip(frames) {
            let observation = decode::decode(&frame(link, bytes, wire_len));
            let Message::Mdns(datagram) = &observation.message else { continue };
            let digest = mdns::digest(datagram, &KEY);
            let shape = Shape::of(datagram, &digest);
            let mut count = |key, n: u32| *seen.entry(key).or_default() += u64::from(n);
            count("packets", 1);
            count("bytes", wire_len);
            count("questions_decoded", digest.decoded[0]);
            count("records_decoded", digest.decoded[1..].iter().sum());
            match datagram.header {
                None => count("no_dns_header", 1),
                Some(header) if header.is_response() => count("responses", 1),
                Some(_) => count("queries", 1),
            }
            if shape == Shape::Malformed {
                malformed_frames.push(number);
            }
            // The truth has probes by what the header claims and goodbyes in malformed messages.
            match datagram.header {
                Some(header) if header.is_response() => count("goodbyes", digest.zero_ttl.into()),
                Some(header) => count("probes", u32::from(header.claimed[2] > 0)),
                None => {}
            }
        }
        seen.insert("malformed", malformed_frames.len() as u64);
        for key in [
            "packets",
            "bytes",
            "queries",
            "responses",
            "no_dns_header",
            "probes",
            "goodbyes",
            "questions_decoded",
            "records_decoded",
            "malformed",
        ] {
            let ours = seen.get(key).copied().unwrap_or(0);
            let theirs = truth["totals"][key].as_u64().expect("total");
            // In corrupt messages tshark and a plain walk differ on where one ends: what the
            // data of a record says does not decide that.
            let second = match key {
                "questions_decoded" => truth["second_reading"]["questions_read"].as_u64(),
                "records_decoded" => truth["second_reading"]["records_read"].as_u64(),
                "malformed" => {
                    Some(truth["second_reading"]["walk_incomplete"].as_u64().unwrap_or(0))
                }
                _ => None,
            };
            if ours != theirs && Some(ours) != second && !EXPLAINED.contains(&(&name, key)) {
                let frames = if key == "malformed" {
                    format!(" frames {malformed_frames:?}, tshark {}", truth["malformed_frames"])
                } else {
                    String::new()
                };
                differences.push(format!("{name} {key}: {ours}, tshark {theirs}{frames}"));
            }
        }
    }
    println!("{files} files, {} differences", differences.len());
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn no_file_whatever_its_link_makes_the_decoder_panic() {
    let Some(folder) = captures_dir() else { return };
    let links = [
        LinkType::Ethernet,
        LinkType::LinuxCooked,
        LinkType::LinuxCooked2,
        LinkType::Ieee80211,
        LinkType::Radiotap,
        LinkType::RawIp,
        LinkType::BsdLoopback,
        LinkType::OpenBsdLoopback,
    ];
    for entry in std::fs::read_dir(folder.join("files")).expect("files").flatten() {
        let bytes = std::fs::read(entry.path()).expect("file");
        for (own, bytes, wire_len) in read_pcap(&bytes).unwrap_or_default().into_iter().take(500) {
            for link in links.into_iter().chain([own]) {
                let observation = decode::decode(&frame(link, bytes, wire_len));
                if let Message::Mdns(datagram) = &observation.message {
                    let _ = mdns::digest(datagram, &KEY);
                }
            }
        }
    }
}
