//! The report of `analyze` for people: what was read, which protocols, the busiest devices.

use super::report::{Device, Report};
use crate::decode::Protocol;
use std::fmt::{self, Display, Write as _};

/// Devices that are printed; the JSON has them all.
const DEVICES_SHOWN: usize = 50;

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
        writeln!(f)?;
        write_columns(f, &device_rows(self), &[false, false, false, false, true, true, false])?;
        if let Some(more) = self.devices.len().checked_sub(DEVICES_SHOWN).filter(|n| *n > 0) {
            writeln!(f, "... and {more} more: --output=json has all")?;
        }
        Ok(())
    }
}

fn write_head(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let frames = &report.frames;
    write!(f, "{} frames", frames.total)?;
    if let (Some(start), Some(end)) = (report.start, report.end) {
        write!(f, " in {:.3} s, {start} to {end}", report.duration_seconds)?;
    }
    writeln!(f)?;
    if frames.total == 0 {
        return Ok(());
    }
    let (others, devices): (Vec<&Device>, Vec<&Device>) =
        report.devices.iter().partition(|device| device.is_other);
    write!(
        f,
        "{} to a multicast or broadcast address, {} multicast in unicast frames, {} devices",
        frames.multicast,
        frames.multicast_in_unicast,
        devices.len()
    )?;
    if !others.is_empty() {
        let frames: u64 = others.iter().map(|other| other.total_packets()).sum();
        write!(f, ", {frames} frames of others")?;
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
    rows.extend(report.devices.iter().take(DEVICES_SHOWN).map(device_row));
    rows
}

fn device_row(device: &Device) -> Vec<String> {
    let known = device.name.clone().or_else(|| device.addresses.first().cloned());
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

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Writes rows in columns two spaces apart, numbers to the right.
fn write_columns(
    f: &mut fmt::Formatter<'_>,
    rows: &[Vec<String>],
    numeric: &[bool],
) -> fmt::Result {
    let widths: Vec<usize> = (0..numeric.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), numeric) in row.iter().zip(&widths).zip(numeric) {
            let padding = " ".repeat(width - cell.chars().count());
            let (before, after) = if *numeric { (&*padding, "") } else { ("", &*padding) };
            let _ = write!(line, "{before}{cell}{after}  ");
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::report;
    use crate::capture::{Direction, Frame, FrameMeta, LinkType};
    use crate::commands::test_settings;
    use crate::craft::Host;
    use crate::decode::{Protocol, decode};
    use crate::engine::{DeviceCounters, Engine};
    use crate::pipeline::SegmentView;
    use crate::time::{Stamp, Time};

    /// A segment where one ARP frame of each host was heard, and so many of senders without a row.
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
        SegmentView { label: label.into(), vlan: String::new(), snapshot }
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
