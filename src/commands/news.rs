//! What has happened to storms: a line of the log when one begins, rises, is explained and ends,
//! and its evidence to whoever keeps it. Taken under the pipeline's lock, told after it was let go.

use crate::evidence::Recording;
use crate::lan::Tap;
use crate::pipeline::{Pipeline, StormNews};
use crate::storm::{Culprit, Storm, StormEvent};
use tracing::info;

/// What has happened in a pipeline since the last time.
pub struct News {
    storms: Vec<StormNews>,
    recordings: Vec<Recording>,
}

/// What has happened since the last time. Nothing is allocated if nothing has.
pub fn take(pipeline: &mut Pipeline) -> News {
    let storms = std::iter::from_fn(|| pipeline.poll_storm_event()).collect();
    News { storms, recordings: std::iter::from_fn(|| pipeline.poll_recording()).collect() }
}

/// Writes a line for each storm, and hands over what evidence there is of them.
pub fn tell(tap: &Tap, news: News) {
    if let Some(writer) = tap.evidence() {
        for recording in news.recordings {
            writer.hand_over(recording);
        }
    }
    for news in &news.storms {
        let storm = news.event.storm();
        let interface = &*news.label;
        let device = device(storm);
        let name = news.identity.as_ref().and_then(|identity| identity.name.as_deref());
        let (level, cause) = (storm.level.label(), storm.culprit.cause());
        let (protocol, peak) = (storm.protocol.label(), storm.peak);
        let what = match &news.event {
            StormEvent::Began(_) => "a storm began",
            StormEvent::Rose(_) => "a chatty device floods now",
            StormEvent::Explained(_) => "a storm is explained",
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
                    peak_packets_per_second = peak,
                    packets,
                    seconds,
                    reason,
                    "a storm is over"
                );
                continue;
            }
        };
        info!(
            interface,
            device,
            name,
            level,
            cause,
            protocol,
            peak_packets_per_second = peak,
            "{what}"
        );
    }
}

/// Takes and writes what a tap has, whoever feeds it or no longer does.
pub fn tell_of(tap: &Tap) {
    tell(tap, tap.with_pipeline(take));
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
