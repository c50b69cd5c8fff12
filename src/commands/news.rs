//! Reports what the pipelines put out: a line of the log when a storm begins, rises, is explained,
//! changes and ends, what its page needs when it is over, and its evidence to the writer. A
//! pipeline's output is taken under its lock and reported without it.

use super::pump;
use crate::lan::Tap;
use crate::pipeline::{Output, StormNews};
use crate::report::Instant;
use crate::storm::{Culprit, Storm, StormEvent};
use tracing::info;

/// Writes a line for what happened to each storm, and hands evidence over to the writer.
pub fn tell(tap: &Tap, output: Vec<Output>) {
    for output in output {
        match output {
            Output::Storm(news) => {
                tap.past_storms().handle(&news);
                log(&news);
            }
            Output::Recording(recording) => {
                if let Some(writer) = tap.evidence() {
                    writer.hand_over(recording);
                }
            }
        }
    }
}

/// Takes a tap's output and reports it, for taps that no capture feeds any more.
pub(crate) fn tell_of(tap: &Tap) {
    tell(tap, tap.with_pipeline(pump::take_output));
}

fn log(news: &StormNews) {
    let storm = news.event.storm();
    let interface = &*news.label;
    let device = device(storm);
    let name = news.identity.as_ref().and_then(|identity| identity.name.as_deref());
    let (level, cause) = (storm.level.label(), storm.culprit.cause());
    let (protocol, peak) = (storm.protocol.label(), storm.peak);
    let since = Instant::from_stamp(storm.first_frame).map(|since| since.to_string());
    let what = match &news.event {
        StormEvent::Began(_) => "a storm began",
        StormEvent::Rose(_) => "a chatty device has become a storm",
        StormEvent::Explained(_) => "the cause of a storm is known now",
        StormEvent::Changed(_) => "a storm has another cause now",
        StormEvent::Ended(storm) => {
            let reason = storm.end.map(|(_, reason)| reason.label());
            let (packets, seconds) = (storm.packets, seconds(storm));
            info!(
                interface,
                device,
                name,
                level,
                cause,
                protocol,
                since,
                peak_packets_per_second = peak,
                packets,
                seconds,
                reason,
                "a storm has ended"
            );
            return;
        }
    };
    info!(
        interface,
        device,
        name,
        level,
        cause,
        protocol,
        since,
        peak_packets_per_second = peak,
        "{what}"
    );
}

/// The device; `None` if it is the segment as a whole.
fn device(storm: &Storm) -> Option<String> {
    match storm.culprit {
        Culprit::Device { sender, .. } => Some(sender.to_string()),
        Culprit::Segment { .. } => None,
    }
}

/// How long it lasted.
fn seconds(storm: &Storm) -> Option<i128> {
    storm.end.map(|(end, _)| end.0.saturating_sub(storm.start.0) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::test_settings;
    use crate::decode::Protocol;
    use crate::detect::SegmentCause;
    use crate::lan::{Lan, Source as _};
    use crate::pipeline::Pipeline;
    use crate::storm::Level;
    use crate::time::Stamp;

    #[test]
    fn a_storm_is_remembered_when_its_capture_is_forgotten() {
        let culprit = Culprit::Segment { cause: SegmentCause::ManyDevices };
        let start = Stamp::new(1_700_000_000, 0);
        let storm = Storm::begun(0, culprit, (Level::Storm, Protocol::Mdns), start);
        let (lan, id) = (Lan::default(), storm.id("eth0"));
        let event = StormEvent::Began(storm);
        let news = StormNews { label: "eth0".into(), lan: None, event, identity: None };
        let tap = lan.tap("eth0", || Pipeline::file(test_settings()));
        tell(&tap, vec![Output::Storm(news)]);
        lan.forget(|_| true);
        assert!(lan.taps().is_empty());
        assert!(lan.past_storm(&id).is_some_and(|past| &*past.label == "eth0"));
        assert!(lan.past_storm("1700000000-eth1-segment-0").is_none());
    }
}
