//! The page of one storm, which alerts link to: who it is, where, what it does, since when, and what
//! there is to look at. It stays after the storm's end, among the latest of the process, and says
//! then what was.
//!
//! In: one [`StormContext`]. Out: HTML without scripts, with relative links. Every string from
//! outside goes through [`Text`].

use super::html::{self, InUrl, Number, Text, fact, open_table};
use super::rendered::{missing, rendered};
use super::{App, telemetry};
use crate::lan::{LanView, PastStorms, Source};
use crate::report::{self, Condition, Device, Instant, Storm, StormContext, Who};
use crate::storm::{self, Level};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// From this page to the start page.
const ROOT: &str = "../";

/// How long the folder of evidence may take to say whether it has a file: a page is shown without.
const DISK_PATIENCE: Duration = Duration::from_secs(1);

/// Where the runbooks are, as the alerts have it.
const RUNBOOKS: &str =
    "https://github.com/multicast-exporter/multicast_exporter/blob/main/docs/runbooks";

/// What is kept of a storm's packets.
#[derive(Clone, Copy)]
enum Packets {
    /// None of any storm.
    NotAsked,
    /// None of this one.
    None,
    /// The folder does not say.
    Unknown,
    /// A file that is not given out.
    Closed,
    /// A file.
    Open,
}

/// `/storms/{id}`
pub(super) async fn handle(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let shared = Arc::clone(&app);
    let packets = app.packets(&id).await;
    let write = move |source: &dyn Source, view: &LanView, out: &mut Vec<u8>| {
        let mut page = String::from_utf8(std::mem::take(out)).unwrap_or_default();
        let past = storm::Storm::is_id(&id).then(|| source.past_storm(&id)).flatten();
        let found = report::storm_context(view, past.as_ref(), &id);
        // Writing to a String cannot fail.
        let status = if let Some(found) = &found {
            let _ = write_page(&mut page, found, packets, shared.has_start_page());
            StatusCode::OK
        } else {
            let missing = missing(view);
            let _ = write_unknown(&mut page, &shared, missing.first());
            let nobody_knows = !missing.is_empty();
            if nobody_knows { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NOT_FOUND }
        };
        *out = page.into_bytes();
        Some(status)
    };
    match rendered(&app, write).await {
        Ok((status, body)) => html::page(status, body),
        Err(refused) => telemetry::refusal(refused),
    }
}

impl App {
    /// What is kept of the packets of a storm, if there was one.
    async fn packets(&self, id: &str) -> Packets {
        let Some(evidence) = self.evidence.clone() else { return Packets::NotAsked };
        if !storm::Storm::is_id(id) {
            return Packets::None;
        }
        let id = id.to_owned();
        let look = move |_| Some(vec![u8::from(evidence.has(&id))]);
        match self.disk.pass(DISK_PATIENCE, look).await.as_deref() {
            Err(_) => Packets::Unknown,
            Ok([1]) if self.enable_capture_download => Packets::Open,
            Ok([1]) => Packets::Closed,
            Ok(_) => Packets::None,
        }
    }

    /// Whether there is a page at `/`.
    fn has_start_page(&self) -> bool {
        self.telemetry_path.as_str() != "/"
    }
}

/// That no such storm is known, and why that may be; `missing` is a capture that could not be read.
fn write_unknown(out: &mut String, app: &App, missing: Option<&String>) -> fmt::Result {
    html::open_page(out, "No such storm is known", ROOT)?;
    if let Some(capture) = missing {
        let text = "could not be read in time, and it may be of that: try again later";
        writeln!(out, "<p>The capture <code>{}</code> {text}.</p>", Text(capture))?;
    } else {
        let since = time(Instant::from_stamp(app.since));
        writeln!(
            out,
            "<p>This exporter was started at {}. It knows nothing of what was before, and of the storms \
             since then the last {} that are over.</p>",
            since,
            PastStorms::KEPT,
        )?;
    }
    if app.has_start_page() {
        writeln!(out, "<p><a href=\"{ROOT}\">All that goes on now</a></p>")?;
    }
    html::close_page(out)
}

fn write_page(
    out: &mut String,
    found: &StormContext,
    packets: Packets,
    has_start_page: bool,
) -> fmt::Result {
    let storm = &found.storm;
    html::open_page(out, &title(storm, found.who.as_ref()), ROOT)?;
    write_heading(out, found)?;
    write_storm(out, found, packets)?;
    write_device(out, found)?;
    let conditions = found.device.iter().flat_map(|device| &device.conditions);
    write_conditions(out, found, &conditions.collect::<Vec<_>>())?;
    write_busiest(out, &storm.interface, &found.busiest)?;
    write_meanwhile(out, storm, &found.meanwhile)?;
    write_links(out, found, has_start_page)?;
    html::close_page(out)
}

fn title(storm: &Storm, who: Option<&Who>) -> String {
    let what = match (storm.level, storm.lasts()) {
        (Level::Storm, true) => "is in a storm",
        (Level::Storm, false) => "was in a storm",
        (Level::Chatty, true) => "is chatty",
        (Level::Chatty, false) => "was chatty",
    };
    let Some(device) = &storm.device else { return format!("Segment {} {what}", storm.interface) };
    let known = who.and_then(|who| who.name.as_ref().or(who.address.as_ref()));
    format!("{} {what}", known.unwrap_or(device))
}

/// An instant to the second, as an element that is not broken; nothing if no calendar can express it.
fn time(at: Option<Instant>) -> String {
    at.map(|at| format!("<time>{}</time>", at.whole_seconds())).unwrap_or_default()
}

/// By what people know the device, and whether it goes on.
fn write_heading(out: &mut String, found: &StormContext) -> fmt::Result {
    if let Some(who) = &found.who {
        let known = [who.model.as_deref(), who.address.as_deref(), who.vendor];
        let known: Vec<&str> = known.into_iter().flatten().collect();
        if !known.is_empty() {
            writeln!(out, "<p class=\"about\">{}</p>", Text(&known.join(", ")))?;
        }
    }
    let is_quiet = found.device.as_ref().is_some_and(|device| device.latest == 0);
    match found.storm.end_in_words {
        None if is_quiet => out.write_str("<p class=\"down\">In progress, but quiet now.</p>\n"),
        None => out.write_str("<p class=\"down\">In progress.</p>\n"),
        Some(why) => writeln!(out, "<p>Over: {why}.</p>"),
    }
}

/// The facts of the storm itself.
fn write_storm(out: &mut String, found: &StormContext, packets: Packets) -> fmt::Result {
    let storm = &found.storm;
    let lasts = storm.lasts();
    out.write_str("<dl>\n")?;
    let what = match (&storm.device, lasts) {
        (Some(_), true) => "What it does",
        (Some(_), false) => "What it did",
        (None, true) => "What goes on",
        (None, false) => "What went on",
    };
    let also: Vec<&str> = [storm.cause].into_iter().chain(storm.also.iter().copied()).collect();
    fact(out, what, format_args!("{} (<code>{}</code>)", storm.what(), also.join(", ")))?;
    if let Some(detail) = &storm.detail {
        fact(out, "About", Text(detail))?;
    }
    if !storm.provoked_by.is_empty() {
        let askers: Vec<_> = storm.provoked_by.iter().map(|who| found.party(who)).collect();
        fact(out, "Asked by", Text(&askers.join(", ")))?;
    }
    fact(out, "Segment", format_args!("<code>{}</code>", Text(&storm.interface)))?;
    if let Some(lan) = &found.lan {
        fact(out, "LAN", Text(lan))?;
    }
    fact(out, if lasts { "Since" } else { "From" }, time(storm.first_frame))?;
    fact(out, "Detected", time(storm.start))?;
    let lasted = humantime::format_duration(Duration::from_secs(storm.lasted));
    if lasts {
        fact(out, "Lasts", format_args!("{lasted} since it was detected"))?;
    } else {
        fact(out, "Until", time(storm.end))?;
        fact(out, "Lasted", format_args!("{lasted} from its detection on"))?;
    }
    fact(out, "Frames", storm.packets)?;
    // No mean: a storm that is over had 30 quiet seconds in the end.
    let peak = storm.peak_packets_per_second;
    match found.device.as_ref().filter(|_| lasts) {
        Some(Device { latest, .. }) => {
            fact(out, "Frames/s", format_args!("{latest} now, {peak} at most"))?;
        }
        None => fact(out, "Frames/s", format_args!("{peak} at most"))?,
    }
    if storm.provoked > 0 {
        fact(out, "Answers of others", storm.provoked)?;
    }
    fact(out, "Protocol", format_args!("<code>{}</code>", storm.protocol))?;
    if storm.device.is_some() {
        write_packets(out, &storm.id, packets)?;
    } else {
        fact(out, "Packets", "none are kept of a storm of a whole segment")?;
    }
    out.write_str("</dl>\n")
}

fn write_packets(out: &mut String, id: &str, packets: Packets) -> fmt::Result {
    let id = Text(id);
    let name = "Packets";
    match packets {
        Packets::NotAsked => {
            fact(out, name, "none are kept without <code class=\"flag\">--evidence.dir</code>")
        }
        Packets::None => fact(out, name, "none are kept of it"),
        Packets::Unknown => fact(
            out,
            name,
            "the folder of <code class=\"flag\">--evidence.dir</code> does not answer",
        ),
        Packets::Closed => {
            let text = "those around its beginning are in the folder of <code class=\"flag\">--evidence.dir</code>, as";
            let how = "<code class=\"flag\">--web.enable-capture-download</code> serves them here";
            fact(out, name, format_args!("{text} <code>{id}.pcapng</code>; {how}"))
        }
        Packets::Open => {
            let link = format_args!("{ROOT}api/v1/storms/{id}/capture");
            fact(
                out,
                name,
                format_args!("<a href=\"{link}\">those around its beginning</a> (pcapng)"),
            )
        }
    }
}

/// Who it is. Nothing if it is the segment as a whole.
fn write_device(out: &mut String, found: &StormContext) -> fmt::Result {
    let Some(device) = &found.storm.device else { return Ok(()) };
    out.write_str("<h2>Device</h2>\n")?;
    if found.device.is_none() {
        out.write_str("<p>It is not tracked any more. This was known of it:</p>\n")?;
    }
    out.write_str("<dl>\n")?;
    let unknown = Who::default();
    let who = found.who.as_ref().unwrap_or(&unknown);
    // A device is known by its MAC, or else by its address.
    let is_address = device.parse::<IpAddr>().is_ok();
    let (own, given) = if is_address { ("Address", "MAC") } else { ("MAC", "Address") };
    let mut told = |name, value: Option<&str>| match value {
        Some(value) => fact(out, name, Text(value)),
        None => Ok(()),
    };
    told("Name", who.name.as_deref())?;
    told(own, Some(device))?;
    told(given, who.address.as_deref())?;
    let is_other = |address: &&String| Some(*address) != who.address.as_ref();
    let others: Vec<&str> = who.addresses.iter().filter(is_other).map(String::as_str).collect();
    told("Other addresses", Some(&*others.join(", ")).filter(|others| !others.is_empty()))?;
    let contested = who.contested.join(", ");
    told("Claimed by others too", Some(&*contested).filter(|claimed| !claimed.is_empty()))?;
    told("Vendor", who.vendor)?;
    told("Model", who.model.as_deref())?;
    told("Category", Some(who.category).filter(|category| !["", "unknown"].contains(category)))?;
    if who.local {
        fact(out, "Where", "this machine")?;
    }
    if let Some(Device { first_seen, last_seen, .. }) = &found.device {
        fact(out, "First heard", time(*first_seen))?;
        fact(out, "Last heard", time(*last_seen))?;
    }
    out.write_str("</dl>\n")
}

/// What is, or was, wrong with the device at any rate. Nothing if there is none.
fn write_conditions(
    out: &mut String,
    found: &StormContext,
    conditions: &[&Condition],
) -> fmt::Result {
    if conditions.is_empty() {
        return Ok(());
    }
    out.write_str("<h2>Conditions of the device</h2>\n<ul>\n")?;
    for held in conditions {
        let what = if held.lasts { held.in_words } else { held.in_past };
        write!(out, "<li>{what} (<code>{}</code>)", held.condition)?;
        if !held.detail.is_empty() {
            write!(out, ": {}", Text(&held.detail))?;
        }
        if let Some(other) = &held.other {
            write!(out, ", with {}", Text(&found.party(other)))?;
        }
        if let Some(role) = held.role {
            write!(out, "; the device {role}")?;
        }
        match (held.since, held.until) {
            (Some(_), None) => write!(out, "; since {}", time(held.since))?,
            (since, Some(until)) => write!(out, "; from {} to {}", time(since), time(Some(until)))?,
            (None, None) => {}
        }
        let times =
            if held.count == 1 { "once".to_owned() } else { format!("{} times", held.count) };
        writeln!(out, ", {times}</li>")?;
    }
    out.write_str("</ul>\n")
}

/// Who sends most now, where the segment as a whole is flooded. Nothing otherwise.
fn write_busiest(out: &mut String, interface: &str, busiest: &[Device]) -> fmt::Result {
    if busiest.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Busiest devices of {} now</h2>", Text(interface))?;
    open_table(out, &["Device", "#Frames/s", "#Peak, 60 s", "Name"])?;
    for device in busiest {
        writeln!(
            out,
            "<tr><td><a href=\"{}\"><code>{}</code></a></td>{}{}<td>{}</td></tr>",
            in_api(device),
            Text(&device.device),
            Number(u64::from(device.latest)),
            Number(u64::from(device.peak_minute)),
            Text(device.name.as_deref().or(device.address.as_deref()).unwrap_or("")),
        )?;
    }
    out.write_str("</tbody></table></div>\n")
}

/// The other storms at that time. Nothing if there was none.
fn write_meanwhile(out: &mut String, storm: &Storm, others: &[Storm]) -> fmt::Result {
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>At the same time on {}</h2>\n<ul>", Text(&storm.interface))?;
    for other in others {
        let who = other.name.as_deref().or(other.device.as_deref()).unwrap_or("the segment");
        let since = time(other.first_frame);
        let when = match other.end {
            Some(_) => format!("from {since} to {}", time(other.end)),
            None => format!("since {since}"),
        };
        writeln!(
            out,
            "<li><a href=\"{}\">{}</a> {} (<code>{}</code>), {when}</li>",
            Text(&other.id),
            Text(who),
            other.what(),
            other.cause,
        )?;
    }
    out.write_str("</ul>\n")
}

fn write_links(out: &mut String, found: &StormContext, has_start_page: bool) -> fmt::Result {
    let storm = &found.storm;
    out.write_str("<h2>More</h2>\n<ul>\n")?;
    let runbook = runbook(storm);
    writeln!(
        out,
        "<li><a href=\"{RUNBOOKS}/{runbook}.md\">What to do: the runbook of {runbook}</a></li>"
    )?;
    if let Some(device) = &found.device {
        writeln!(
            out,
            "<li><a href=\"{}\">All that is known of the device</a> (JSON)</li>",
            in_api(device)
        )?;
    }
    let id = Text(&storm.id);
    writeln!(out, "<li><a href=\"{ROOT}api/v1/storms/{id}\">This storm</a> (JSON)</li>")?;
    if has_start_page {
        writeln!(out, "<li><a href=\"{ROOT}\">All that goes on now</a></li>")?;
    }
    out.write_str("</ul>\n")
}

/// The alert whose runbook says what to do about it.
fn runbook(storm: &Storm) -> &'static str {
    match (&storm.device, storm.cause, storm.level) {
        (_, "l2_loop", _) => "MulticastLoop",
        (None, "invented_senders", _) => "MulticastInventedSenders",
        (None, _, _) => "MulticastSegmentFlooding",
        (Some(_), _, Level::Storm) => "MulticastDeviceFlooding",
        (Some(_), _, Level::Chatty) => "MulticastDeviceChatty",
    }
}

/// Where the API has a device.
fn in_api(device: &Device) -> String {
    let (name, interface) = (InUrl(&device.device), InUrl(&device.interface));
    format!("{ROOT}api/v1/devices/{name}?interface={interface}")
}
