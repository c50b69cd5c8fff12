//! What has happened to a storm of a segment, for whoever logs, keeps or shows it.

use crate::engine::Identity;
use crate::evidence::Heading;
use crate::segment::{Label, LanName};
use crate::storm::StormEvent;
use std::sync::Arc;

/// What has happened to a storm.
#[derive(Clone, Debug)]
pub struct StormNews {
    /// The segment it is on.
    pub label: Label,
    /// Which LAN that is, if it has a name.
    pub lan: Option<LanName>,
    /// What happened, with the storm as it is then.
    pub event: StormEvent,
    /// Who the device is, if it still has a row.
    pub identity: Option<Arc<Identity>>,
}

impl StormNews {
    /// The header of the storm's evidence.
    pub(super) fn heading(&self) -> Heading {
        let storm = self.event.storm();
        let device = storm.culprit.sender().map_or_else(String::new, |s| s.to_string());
        let name = self.identity.as_ref().and_then(|identity| identity.name.as_deref());
        let vendor = self.identity.as_ref().and_then(|identity| identity.vendor);
        let who: Vec<&str> = [Some(&*device), name, vendor].into_iter().flatten().collect();
        Heading {
            id: storm.id(&self.label),
            interface: self.label.to_string(),
            comment: format!(
                "{} on {}: {} by {}, cause {}, up to {} packets/s when it began",
                who.join(", "),
                self.label,
                storm.level.label(),
                storm.protocol.label(),
                storm.culprit.cause(),
                storm.peak,
            ),
        }
    }
}
