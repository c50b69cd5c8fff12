//! The report of `analyze` for people: what was read, which protocols, storms and why, the busiest
//! devices, which rules they broke, how discovery goes.

use super::columns::{SHOWN, counted, row, without_zeros, write_columns, write_rest};
use super::segments;
use super::timeline;
use crate::decode::Protocol;
use crate::detect::{Hardness, Rule};
use crate::report::{Condition, Device, Offence, Report, Storm};
use std::fmt::{self, Display, Write as _};

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_head(self, f)?;
        if self.frames.total == 0 {
            return Ok(());
        }
        write_errors(self, f)?;
        let rows = protocol_rows(self);
        if rows.len() == 1 {
            return writeln!(f, "\nNo multicast, broadcast or mDNS among these frames.");
        }
        writeln!(f)?;
        write_columns(f, &rows, &[false, true, true])?;
        timeline::write(&self.history, f)?;
        write_storms(self, f)?;
        write_conditions(self, f)?;
        writeln!(f)?;
        write_columns(f, &device_rows(self), &[false, false, false, false, true, true, false])?;
        write_rest(f, self.devices.len())?;
        write_violations(self, f)?;
        segments::write(&self.segments, f)
    }
}

fn write_storms(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if report.storms.is_empty() {
        return Ok(());
    }
    let head = [
        "STORM",
        "GOING ON SINCE",
        "INTERFACE",
        "DEVICE",
        "LEVEL",
        "CAUSE",
        "PROTOCOL",
        "PEAK/s",
        "PACKETS",
        "PROVOKED",
        "LASTED",
        "ABOUT",
    ];
    let mut rows = vec![row(head)];
    rows.extend(report.storms.iter().take(SHOWN).map(storm_row));
    writeln!(f)?;
    let is_number = |head| ["PEAK/s", "PACKETS", "PROVOKED"].contains(&head);
    let mut is_number: Vec<bool> = head.map(is_number).to_vec();
    if let Some(provoked) = head.iter().position(|head| *head == "PROVOKED") {
        without_zeros(&mut rows, &mut is_number, provoked);
    }
    write_columns(f, &rows, &is_number)?;
    write_rest(f, report.storms.len())
}

fn write_conditions(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let of = |device: &Device, condition: &Condition| {
        let lasted = if condition.lasts {
            "still on at the end".to_owned()
        } else {
            condition.until.map(|until| format!("until {until}")).unwrap_or_default()
        };
        vec![
            condition.condition.to_owned(),
            device.interface.clone(),
            called(&device.device, device.name.as_deref()),
            condition.since.map(|since| since.to_string()).unwrap_or_default(),
            lasted,
            condition.count.to_string(),
            condition.particulars(),
        ]
    };
    let devices = report.devices.iter();
    let all = devices.flat_map(|device| device.conditions.iter().map(move |c| of(device, c)));
    let all: Vec<_> = all.collect();
    if all.is_empty() {
        return Ok(());
    }
    let count = all.len();
    let head = ["CONDITION", "INTERFACE", "DEVICE", "SINCE", "LASTED", "COUNT", "ABOUT"];
    let mut rows = vec![row(head)];
    rows.extend(all.into_iter().take(SHOWN));
    writeln!(f)?;
    write_columns(f, &rows, &[false, false, false, false, false, true, false])?;
    write_rest(f, count)
}

fn storm_row(storm: &Storm) -> Vec<String> {
    let device = match &storm.device {
        Some(device) => called(device, storm.name.as_deref()),
        None => "the segment".to_owned(),
    };
    let mut cause = storm.cause.to_owned();
    for also in &storm.also {
        let _ = write!(cause, " +{also}");
    }
    let lasted = match (storm.lasts(), storm.seconds) {
        (true, _) => "still on at the end".to_owned(),
        (false, seconds) => {
            let reason = storm.end_reason.filter(|reason| *reason != "quiet");
            let reason = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
            format!("{:.0} s{reason}", seconds.unwrap_or_default())
        }
    };
    vec![
        storm.start.map(|start| start.to_string()).unwrap_or_default(),
        storm.first_frame.map(|first| first.to_string()).unwrap_or_default(),
        storm.interface.clone(),
        device,
        storm.level.label().to_owned(),
        cause,
        storm.protocol.to_owned(),
        storm.peak_packets_per_second.to_string(),
        storm.packets.to_string(),
        storm.provoked.to_string(),
        lasted,
        storm.particulars(),
    ]
}

/// A device with its name, if it has one.
fn called(device: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{device} ({name})"),
        None => device.to_owned(),
    }
}

/// A device's violations of one rule.
struct Broken<'r> {
    device: &'r Device,
    rule: Rule,
    count: u64,
    last: Option<&'r Offence>,
}

fn write_violations(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let by_device = report.devices.iter().flat_map(|device| {
        Rule::ALL.iter().filter_map(move |&rule| {
            let Device { violations, offences, .. } = device;
            let count = *violations.get(rule.id())?;
            Some(Broken { device, rule, count, last: offences.get(rule.id()) })
        })
    });
    let mut broken: Vec<Broken<'_>> = by_device.collect();
    if broken.is_empty() {
        return Ok(());
    }
    // Hard rules first; the order of the devices is kept among those broken equally often.
    broken.sort_by_key(|broken| {
        (broken.rule.hardness() == Hardness::Soft, std::cmp::Reverse(broken.count))
    });
    let head = ["RULE", "KIND", "DEVICE", "INTERFACE", "COUNT", "LAST"];
    let mut rows = vec![row(head)];
    rows.extend(broken.iter().take(SHOWN).map(|broken| {
        let Broken { device, rule, count, last } = broken;
        vec![
            rule.id().to_owned(),
            rule.hardness().label().to_owned(),
            called(&device.device, device.name.as_deref()),
            device.interface.clone(),
            count.to_string(),
            last.map(offence).unwrap_or_default(),
        ]
    }));
    writeln!(f)?;
    write_columns(f, &rows, &[false, false, false, false, true, false])?;
    write_rest(f, broken.len())
}

/// A record or question, how long after the last one, and when.
fn offence(last: &Offence) -> String {
    let mut parts = Vec::new();
    match (&last.name, &last.rtype) {
        (Some(name), Some(rtype)) => parts.push(format!("{name} {rtype}")),
        (Some(one), None) | (None, Some(one)) => parts.push(one.clone()),
        (None, None) => {}
    }
    parts.extend(last.gap_seconds.map(|gap| format!("{gap:.3} s after the last")));
    parts.extend(last.at.map(|at| at.to_string()));
    parts.extend(last.frame.map(|frame| match &last.file {
        Some(file) => format!("frame {frame} of {file}"),
        None => format!("frame {frame}"),
    }));
    parts.join(", ")
}

fn write_head(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let frames = &report.frames;
    write!(f, "{}", counted(frames.total, "frame"))?;
    if let (Some(start), Some(end)) = (report.start, report.end) {
        write!(f, " in {:.3} s, {start} to {end}", report.duration_seconds)?;
    }
    writeln!(f)?;
    for comment in &report.comments {
        writeln!(f, "{} says: {}", comment.file, comment.text)?;
    }
    if frames.total == 0 {
        return Ok(());
    }
    let (others, devices): (Vec<&Device>, Vec<&Device>) =
        report.devices.iter().partition(|device| device.sender.is_none());
    write!(
        f,
        "{} to a multicast or broadcast address, {} multicast in unicast frames, {}",
        frames.multicast,
        frames.multicast_in_unicast,
        counted(devices.len() as u64, "device")
    )?;
    if !others.is_empty() {
        let frames: u64 = others.iter().map(|other| other.total_packets()).sum();
        write!(f, ", {} of others", counted(frames, "frame"))?;
    }
    writeln!(f)
}

fn write_errors(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (reason, count) in &report.frames.decode_errors {
        writeln!(f, "  {count} x {reason}")?;
    }
    Ok(())
}

fn protocol_rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![row(["PROTOCOL", "PACKETS", "BYTES"])];
    for protocol in Protocol::ALL {
        let volume = report.protocols.0[protocol.index()];
        if volume.packets > 0 {
            rows.push(vec![
                protocol.label().to_owned(),
                volume.packets.to_string(),
                volume.bytes.to_string(),
            ]);
        }
    }
    rows
}

fn device_rows(report: &Report) -> Vec<Vec<String>> {
    let head = ["DEVICE", "INTERFACE", "NAME", "WHAT", "PACKETS", "PEAK/s", "PROTOCOLS"];
    let mut rows = vec![row(head)];
    rows.extend(report.devices.iter().take(SHOWN).map(device_row));
    rows
}

fn device_row(device: &Device) -> Vec<String> {
    let known = device.name.clone().or_else(|| device.addresses.first().cloned());
    let known = known.or_else(|| Some(format!("contested: {}", device.contested.last()?)));
    let mut what = device.category.to_owned();
    for more in [&device.vendor, &device.model].into_iter().flatten() {
        let _ = write!(what, ", {more}");
    }
    let mut used = device.packets.0.clone();
    used.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let used: Vec<String> = used.iter().map(|(label, count)| format!("{label} {count}")).collect();
    vec![
        device.device.clone(),
        device.interface.clone(),
        known.unwrap_or_default(),
        what,
        device.total_packets().to_string(),
        device.peak_packets_per_second.to_string(),
        used.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use crate::commands::test_settings;
    use crate::craft::Host;
    use crate::decode::mdns::RType;
    use crate::decode::{Protocol, Sender, decode};
    use crate::detect::{Cause, CauseSet, LastOffence, Rule, SegmentCause};
    use crate::engine::{DeviceCounters, Engine, Identity};
    use crate::frame::{Direction, Frame, FrameMeta, LinkType};
    use crate::pipeline::SegmentView;
    use crate::report;
    use crate::storm::{Culprit, Detail, EndReason, Level, Storm};
    use crate::time::{Stamp, Time};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn storms_are_told_in_a_line_each_with_the_name_of_who_floods() {
        let mut view = view("eth0", &[1], 0);
        let device = &mut view.snapshot.devices[0];
        device.identity = Arc::new(Identity { name: Some("tv".into()), ..Identity::default() });
        let culprit = Culprit::Device {
            sender: device.sender,
            cause: Cause::QueryFlood,
            also: CauseSet::from_iter([Cause::PingPong]),
        };
        let open = Storm {
            number: 0,
            culprit,
            level: Level::Storm,
            protocol: Protocol::Mdns,
            start: Stamp::new(20, 0),
            first_frame: Stamp::new(9, 0),
            end: None,
            lasted: [0, 30],
            packets: 700,
            provoked: 80,
            provoked_by: Some([Sender::Mac(Host::numbered(2).mac)].into()),
            detail: Detail::new("_ipp._tcp.local"),
            peak: 60,
        };
        let over = Storm {
            culprit: Culprit::Segment { cause: SegmentCause::ManyDevices },
            start: Stamp::new(10, 0),
            first_frame: Stamp::new(10, 0),
            end: Some((Stamp::new(52, 0), EndReason::InterfaceGone)),
            provoked: 0,
            provoked_by: None,
            detail: Detail::default(),
            ..open.clone()
        };
        view.snapshot.storms = vec![open, over];
        let text = report::build(Vec::new(), None, &[view]).to_string();
        let section = text.split("\n\n").nth(2).expect("a section");
        let is = [
            "STORM                 GOING ON SINCE        INTERFACE  DEVICE                  LEVEL  CAUSE                   PROTOCOL  PEAK/s  PACKETS  PROVOKED  LASTED                ABOUT",
            "1970-01-01T00:00:10Z  1970-01-01T00:00:10Z  eth0       the segment             storm  many_devices            mdns          60      700         0  42 s, interface_gone",
            "1970-01-01T00:00:20Z  1970-01-01T00:00:09Z  eth0       00:00:5e:00:00:01 (tv)  storm  query_flood +ping_pong  mdns          60      700        80  still on at the end   _ipp._tcp.local, asked by 00:00:5e:00:00:02",
        ];
        assert_eq!(section.lines().collect::<Vec<_>>(), is);
    }

    #[test]
    fn violations_of_hard_rules_come_first_with_the_last_of_each() {
        let mut view = view("eth0", &[1], 0);
        let device = &mut view.snapshot.devices[0];
        let counts = [(Rule::TtlValue, 9), (Rule::RecordInterval, 2), (Rule::IpTtl, 11)];
        device.violations = Some(Box::new(counts.into_iter().collect()));
        let mut repeated = LastOffence::new(Rule::RecordInterval, Stamp::new(10, 0));
        repeated.name = Some("a.local".into());
        repeated.rtype = Some(RType(65));
        repeated.gap = Some(Duration::from_millis(5));
        device.offences = vec![LastOffence::new(Rule::TtlValue, Stamp::new(20, 0)), repeated];
        let text = report::build(Vec::new(), None, &[view]).to_string();
        let section = text.split("\n\n").last().expect("a section");
        let is = [
            "RULE             KIND  DEVICE             INTERFACE  COUNT  LAST",
            "record_interval  hard  00:00:5e:00:00:01  eth0           2  a.local TYPE65, 0.005 s after the last, 1970-01-01T00:00:10Z",
            "ip_ttl           soft  00:00:5e:00:00:01  eth0          11",
            "ttl_value        soft  00:00:5e:00:00:01  eth0           9  1970-01-01T00:00:20Z",
        ];
        assert_eq!(section.lines().collect::<Vec<_>>(), is);
    }

    /// A segment with one ARP frame of each host, and this many of senders without a row.
    fn view(label: &str, hosts: &[u8], others: u64) -> SegmentView {
        let settings = test_settings();
        let mut engine = Engine::new(settings.engine, settings.key);
        for host in hosts {
            let bytes = Host::numbered((*host).into()).arp_announcement();
            let meta = FrameMeta {
                stamp: Stamp(0),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: None,
                direction: Direction::Unknown,
                wire_len: 42,
            };
            let observation = decode(&Frame { meta, bytes: &bytes });
            engine.handle_frame(Time::default(), Stamp(0), &observation);
        }
        let mut snapshot = engine.snapshot();
        if others > 0 {
            let mut counters = DeviceCounters::default();
            counters.packets[Protocol::Ssdp.index()] = others;
            snapshot.other = Some(counters);
        }
        SegmentView { label: label.into(), vlan: String::new(), lan: None, snapshot }
    }

    fn second_line(views: &[SegmentView]) -> String {
        let text = report::build(Vec::new(), None, views).to_string();
        text.lines().nth(1).expect("there are frames").to_owned()
    }

    #[test]
    fn others_are_no_device_on_any_segment() {
        let known = second_line(&[view("a", &[1, 2], 0), view("b", &[3], 0)]);
        assert!(known.ends_with(", 3 devices"), "{known}");
        let more = second_line(&[view("a", &[1, 2], 30), view("b", &[3], 4)]);
        assert!(more.ends_with(", 3 devices, 34 frames of others"), "{more}");
    }
}
