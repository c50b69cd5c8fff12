//! The page for people: who floods and how, what is captured, and who is busiest.
//!
//! Shows a view of the LAN, with devices and storms as the objects of [`report`], as HTML without
//! scripts or inline styles. Every string from outside, the network's above all, goes through
//! [`Text`].

use super::discovery;
use super::html::{self, Number, Text, open_table};
use super::rendered::rendered;
use super::{App, telemetry};
use crate::lan::{CaptureView, LanView, PassedOver, Source};
use crate::metrics::BUILD;
use crate::report::{self, Storm};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::cmp::Reverse;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// How many devices are listed.
const BUSIEST: usize = 50;

pub(super) async fn handle(State(app): State<Arc<App>>) -> Response {
    let metrics = app.telemetry_path.as_str().to_owned();
    let write = move |source: &dyn Source, view: &LanView, out: &mut Vec<u8>| {
        let mut page = String::from_utf8(std::mem::take(out)).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write_page(&mut page, view, &metrics, source.ready());
        *out = page.into_bytes();
        Some(StatusCode::OK)
    };
    match rendered(&app, write).await {
        Ok((status, body)) => html::page(status, body),
        Err(refused) => telemetry::refusal(refused),
    }
}

pub(super) async fn style() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    (headers, include_str!("style.css"))
}

fn write_page(out: &mut String, view: &LanView, metrics: &str, ready: bool) -> fmt::Result {
    let title = "Multicast exporter";
    html::open_page(out, title, "")?;
    write!(
        out,
        "<p class=\"about\">Version {}, revision {}</p>\n\
         <p><a href=\"{}\">Metrics</a> · <a href=\"-/healthy\">Healthy</a> · \
         <a href=\"-/ready\">Ready</a></p>\n",
        Text(BUILD.version),
        Text(BUILD.revision),
        Text(metrics.trim_start_matches('/')),
    )?;
    if !ready {
        out.write_str("<p class=\"down\">The captures are starting.</p>\n")?;
    }
    write_storms(out, view)?;
    write_conditions(out, view)?;
    write_captures(out, &view.captures)?;
    write_passed_over(out, &view.passed_over)?;
    discovery::write(out, view)?;
    write_devices(out, view)?;
    html::close_page(out)
}

/// The storms that last, floods first. Nothing if there are none.
fn write_storms(out: &mut String, view: &LanView) -> fmt::Result {
    let all = report::storms(view.segments());
    let mut storms: Vec<&Storm> = all.iter().filter(|storm| storm.lasts()).collect();
    if storms.is_empty() {
        return Ok(());
    }
    storms.sort_by_key(|storm| (Reverse(storm.level), storm.start, &storm.interface, storm.number));
    writeln!(out, "<h2 class=\"down\">Storms</h2>\n<p>{} in progress.</p>", storms.len())?;
    let heads = [
        "Device",
        "Name",
        "Segment",
        "Level",
        "What it does",
        "Going on since",
        "#Peak frames/s",
        "#Frames",
    ];
    open_table(out, &heads)?;
    for storm in storms.into_iter().take(BUSIEST) {
        match &storm.device {
            Some(device) => write!(
                out,
                "<tr><td><a href=\"storms/{}\"><code>{}</code></a></td><td>{}</td>",
                Text(&storm.id),
                Text(device),
                Text(storm.name.as_deref().unwrap_or("")),
            )?,
            None => write!(
                out,
                "<tr><td><a href=\"storms/{}\">the segment</a></td><td></td>",
                Text(&storm.id)
            )?,
        }
        let about = storm.particulars();
        let about = if about.is_empty() { about } else { format!(": {about}") };
        let since = storm.first_frame.map(|start| start.whole_seconds().to_string());
        writeln!(
            out,
            "<td>{}</td><td>{}</td><td>{} ({}){}</td><td>{}</td>{}{}</tr>",
            Text(&storm.interface),
            storm.level.label(),
            storm.in_words,
            storm.cause,
            Text(&about),
            since.unwrap_or_default(),
            Number(u64::from(storm.peak_packets_per_second)),
            Number(storm.packets),
        )?;
    }
    out.write_str("</tbody></table></div>\n")
}

/// What is wrong with devices at any rate, while it lasts. Nothing if there is none.
fn write_conditions(out: &mut String, view: &LanView) -> fmt::Result {
    let devices = report::devices(view.segments());
    let all = devices.iter().flat_map(|device| device.conditions.iter().map(move |c| (device, c)));
    let mut lasting: Vec<_> = all.filter(|(_, condition)| condition.lasts).collect();
    if lasting.is_empty() {
        return Ok(());
    }
    lasting.sort_by_key(|(_, condition)| condition.since);
    writeln!(out, "<h2>Conditions</h2>\n<p>{} in progress, at any rate.</p>", lasting.len())?;
    open_table(out, &["Device", "Name", "Segment", "What it does", "About", "Since", "#Times"])?;
    for (device, condition) in lasting.into_iter().take(BUSIEST) {
        let since = condition.since.map(|since| since.whole_seconds().to_string());
        writeln!(
            out,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{} ({})</td><td>{}</td><td>{}</td>{}</tr>",
            Text(&device.device),
            Text(device.name.as_deref().unwrap_or("")),
            Text(&device.interface),
            condition.in_words,
            condition.condition,
            Text(&condition.particulars()),
            since.unwrap_or_default(),
            Number(condition.count),
        )?;
    }
    out.write_str("</tbody></table></div>\n")
}

fn write_captures(out: &mut String, captures: &[CaptureView]) -> fmt::Result {
    out.write_str("<h2>Interfaces</h2>\n")?;
    if captures.is_empty() {
        return out.write_str("<p>No interface is captured.</p>\n");
    }
    let heads = [
        "Interface",
        "State",
        "Backend",
        "Segments",
        "#Devices",
        "#Frames",
        "#Unjudged",
        "#Dropped",
    ];
    open_table(out, &heads)?;
    for capture in captures {
        let state = match (&capture.trouble, capture.up) {
            (Some(trouble), _) => trouble.as_str(),
            (None, true) => "captured",
            (None, false) => "not captured",
        };
        let backend = capture.abilities.map_or("none", |abilities| abilities.backend.label());
        let class = if capture.up || capture.is_done { "" } else { " class=\"down\"" };
        write!(
            out,
            "<tr><td><code>{}</code></td><td{class}>{}</td><td>{backend}</td>",
            Text(&capture.name),
            Text(state),
        )?;
        match &capture.segments {
            Ok(segments) => {
                let labels: Vec<&str> = segments.iter().map(|segment| &*segment.label).collect();
                let devices: usize = segments.iter().map(|s| s.snapshot.tracked).sum();
                let counted = segments.iter().flat_map(|s| s.snapshot.packets);
                let frames = counted.fold(0, u64::saturating_add);
                write!(out, "<td>{}</td>", Text(&labels.join(", ")))?;
                let unjudged = segments.iter().map(|s| s.snapshot.unjudged).sum();
                write!(out, "{}{}{}", Number(devices as u64), Number(frames), Number(unjudged))?;
            }
            Err(busy) => write!(out, "<td colspan=\"4\">{}</td>", Text(&busy.to_string()))?,
        }
        match capture.dropped {
            Some(dropped) => writeln!(out, "{}</tr>", Number(dropped))?,
            None => out.write_str("<td class=\"number\">not known</td></tr>\n")?,
        }
    }
    out.write_str("</tbody></table></div>\n")
}

/// The interfaces that are not captured, so that nobody has to guess why one is missing.
fn write_passed_over(out: &mut String, passed_over: &[PassedOver]) -> fmt::Result {
    if passed_over.is_empty() {
        return Ok(());
    }
    out.write_str("<p>Not captured:</p>\n<ul>\n")?;
    for PassedOver { interface, reason } in passed_over {
        writeln!(out, "<li><code>{}</code> {}</li>", Text(interface), Text(reason))?;
    }
    out.write_str("</ul>\n")
}

fn write_devices(out: &mut String, view: &LanView) -> fmt::Result {
    out.write_str("<h2>Busiest devices</h2>\n")?;
    let mut devices = report::devices(view.segments());
    devices.retain(|device| device.sender.is_some());
    if devices.is_empty() {
        return out.write_str("<p>No device has been heard yet.</p>\n");
    }
    let all = devices.len();
    devices.sort_by_key(|device| {
        (Reverse(device.peak_minute), Reverse(device.total_packets()), device.sender)
    });
    devices.truncate(BUSIEST);
    writeln!(out, "<p>{} of {all}, by the busiest second of the last minute.</p>", devices.len())?;
    let heads = [
        "Device",
        "Name",
        "Address",
        "Vendor",
        "Model",
        "Category",
        "Segment",
        "#Peak frames/s, last 60 s",
        "#Frames",
    ];
    open_table(out, &heads)?;
    for device in devices {
        let contested = || match &device.contested[..] {
            [] => String::new(),
            claimed => format!("contested: {}", claimed.join(", ")),
        };
        let here = if device.local { " (this machine)" } else { "" };
        writeln!(
            out,
            "<tr><td><code>{}</code>{here}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{}</td><td>{}</td>{}{}</tr>",
            Text(&device.device),
            Text(&device.name.clone().unwrap_or_else(contested)),
            Text(device.address.as_deref().unwrap_or("")),
            Text(device.vendor.as_deref().unwrap_or("")),
            Text(device.model.as_deref().unwrap_or("")),
            device.category,
            Text(&device.interface),
            Number(u64::from(device.peak_minute)),
            Number(device.total_packets()),
        )?;
    }
    out.write_str("</tbody></table></div>\n")
}
