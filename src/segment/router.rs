//! Where the frames of one captured interface are counted, by their VLAN tags.
//!
//! Rules, the first that applies:
//! 1. Frames without a tag that names a VLAN (id not 0) are the interface's own segment.
//! 2. A tag for which the kernel has a device that is up is counted there, even if the command
//!    line excludes that device: a user who excludes `eth0.30` does not want it back from
//!    `eth0`.
//! 3. Tagged frames on a port are counted on the bridge, bond or team above if that is captured.
//!    If it is not, this is the only place where they are seen.
//! 4. Any other tag, or pair of tags, makes a synthetic segment: `eth0.30`, `eth0.30.7`. Two tag
//!    protocols with the same id are one segment.
//! 5. Beyond the limit that all captures of the process share, they are `eth0.other`.

use super::labels::clean;
use super::{Claim, Label, Labels};
use crate::decode::Tags;
use crate::frame::Tag;
use crate::interfaces::Surroundings;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Where a frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the segment at this place of the router.
    Segment(usize),
    /// Nowhere here: a kernel device for that VLAN, or the bridge above, counts it.
    Elsewhere,
}

/// One broadcast domain.
#[derive(Debug)]
pub struct Segment {
    claim: Claim,
    vlan: Box<str>,
}

impl Segment {
    /// Its label, unlike that of any other segment of the process.
    pub const fn label(&self) -> &Label {
        self.claim.label()
    }

    /// The `vlan` label of `multicast_segment_info`: empty for frames without a tag, `30`,
    /// `30.7` outermost first, `other`. A kernel VLAN device's own segment has the ids of the
    /// device.
    pub fn vlan(&self) -> &str {
        &self.vlan
    }
}

/// A segment that has ended. Its label is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its place. May be another segment's from the next frame on.
    pub place: usize,
    /// Its label.
    pub label: Label,
}

/// VLAN ids, outer and inner; the inner one 0 if there is one tag only.
type Ids = (u16, u16);

/// Which tags lead to which segment, for one captured interface.
///
/// Places are small numbers for the caller to index by. A place stays with its segment until
/// [`Router::set_surroundings`] or [`Router::rename`] reports that the segment ended.
#[derive(Debug)]
pub struct Router {
    capture: Arc<str>,
    labels: Arc<Labels>,
    around: Surroundings,
    places: Vec<Option<Segment>>,
    /// Ordered, not hashed: the ids are the network's choice, and there are few.
    by_ids: BTreeMap<Ids, usize>,
    other: Option<usize>,
    /// Where labels are written before it is known whether they are new.
    scratch: String,
}

impl Router {
    /// The place of the frames without a tag. There is always a segment at it.
    pub const UNTAGGED: usize = 0;

    /// For the interface `capture`, which has one segment to begin with. The label of a file's
    /// interface is bounded and cleaned: at most 64 characters, none a control character.
    ///
    /// When a kernel VLAN device comes up, notify the router of the interface underneath first, and
    /// make the device's own router after that: the label that the first gives up is then the
    /// second's.
    pub fn new(capture: &str, around: Surroundings, labels: &Arc<Labels>) -> Self {
        let mut router = Self {
            capture: clean(capture).into(),
            labels: Arc::clone(labels),
            around,
            places: Vec::new(),
            by_ids: BTreeMap::new(),
            other: None,
            scratch: String::new(),
        };
        router.settle_untagged();
        router
    }

    /// The name of the captured interface, cleaned.
    pub const fn capture(&self) -> &Arc<str> {
        &self.capture
    }

    /// The segment at a place.
    pub fn segment(&self, place: usize) -> Option<&Segment> {
        self.places.get(place)?.as_ref()
    }

    /// All segments with their places.
    pub fn segments(&self) -> impl Iterator<Item = (usize, &Segment)> {
        self.places.iter().enumerate().filter_map(|(place, slot)| Some((place, slot.as_ref()?)))
    }

    /// The segment of a frame with `tags`, made now if it is new and the limit allows it. Allocates
    /// only then.
    pub fn route(&mut self, tags: Tags) -> Route {
        let Some((outer, inner)) = named(tags) else { return Route::Segment(Self::UNTAGGED) };
        if self.around.master_captured || self.has_device(outer) {
            return Route::Elsewhere;
        }
        let ids = (outer.vid(), inner);
        match self.by_ids.get(&ids) {
            Some(&place) => Route::Segment(place),
            None => Route::Segment(self.place_for(ids)),
        }
    }

    /// What lies around the interface has changed. Segments whose frames now belong elsewhere end.
    pub(crate) fn set_surroundings(&mut self, around: Surroundings) -> Vec<Ended> {
        let devices = &around.devices;
        let master_captured = around.master_captured;
        let taken = |id: u16| master_captured || devices.iter().any(|device| device.id == id);
        let mut leaving: Vec<usize> = self
            .by_ids
            .extract_if(.., |&(outer, _), _| taken(outer))
            .map(|(_, place)| place)
            .collect();
        if master_captured {
            leaving.extend(self.other.take());
        }
        let own_changed = self.around.own != around.own;
        self.around = around;
        if own_changed {
            return self.start_again();
        }
        leaving.sort_unstable();
        self.end(leaving)
    }

    /// The interface has another name. All its segments end, and begin again under labels made
    /// from the new name: a label is what a time series is known by.
    pub fn rename(&mut self, capture: &str) -> Vec<Ended> {
        self.capture = clean(capture).into();
        self.start_again()
    }

    fn start_again(&mut self) -> Vec<Ended> {
        self.by_ids.clear();
        self.other = None;
        let ended = self.end((0..self.places.len()).collect());
        self.settle_untagged();
        ended
    }

    fn end(&mut self, places: Vec<usize>) -> Vec<Ended> {
        places
            .into_iter()
            .filter_map(|place| {
                let segment = self.places.get_mut(place)?.take()?;
                Some(Ended { place, label: Arc::clone(segment.label()) })
            })
            .collect()
    }

    fn has_device(&self, tag: Tag) -> bool {
        self.around
            .devices
            .iter()
            .any(|device| device.id == tag.vid() && device.protocol == tag.tpid)
    }

    fn settle_untagged(&mut self) {
        let segment = Segment {
            claim: self.labels.claim(&self.capture),
            vlan: vlan_text(&self.around.own, (0, 0)).into(),
        };
        match self.places.first_mut() {
            Some(slot) => *slot = Some(segment),
            None => self.places.push(Some(segment)),
        }
    }

    /// The place for ids that have none yet.
    fn place_for(&mut self, ids: Ids) -> usize {
        self.scratch.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.scratch, "{}.{}", self.capture, ids.0);
        if ids.1 != 0 {
            let _ = write!(self.scratch, ".{}", ids.1);
        }
        if self.labels.has_room_for(&self.scratch)
            && let Some(claim) = self.labels.claim_synthetic(&self.scratch)
        {
            let vlan = vlan_text(&self.around.own, ids).into();
            let place = self.settle(Segment { claim, vlan });
            self.by_ids.insert(ids, place);
            return place;
        }
        if let Some(place) = self.other {
            return place;
        }
        let claim = self.labels.claim(&format!("{}.other", self.capture));
        let place = self.settle(Segment { claim, vlan: "other".into() });
        self.other = Some(place);
        place
    }

    fn settle(&mut self, segment: Segment) -> usize {
        let place = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(segment);
        place
    }
}

/// The outermost tag that names a VLAN, and the id of the next one that does, 0 if none.
fn named(tags: Tags) -> Option<(Tag, u16)> {
    let mut named = [tags.outer, tags.inner].into_iter().flatten().filter(|tag| tag.vid() != 0);
    let outer = named.next()?;
    Some((outer, named.next().map_or(0, Tag::vid)))
}

fn vlan_text(own: &[u16], ids: Ids) -> String {
    let ids = own.iter().copied().chain([ids.0, ids.1].into_iter().filter(|&id| id != 0));
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests;
