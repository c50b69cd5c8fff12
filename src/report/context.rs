//! One storm with all that belongs to it: who it is, on which LAN, who else takes part, what else
//! went on there meanwhile. Of a storm that is over what is remembered of it.

use super::device::{self, Device};
use super::storm::{self, Storm};
use crate::decode::Sender;
use crate::engine::{DeviceSnapshot, Identity};
use crate::lan::{LanView, PastStorm};
use crate::pipeline::SegmentView;
use crate::storm as told;
use crate::time::Stamp;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Storms of the same time, and devices, at most.
const OTHERS: usize = 20;

/// One storm and what belongs to it.
#[derive(Debug)]
pub struct StormContext {
    /// The storm.
    pub storm: Storm,
    /// Which LAN its segment is, if that has a name.
    pub lan: Option<String>,
    /// Who its device is; `None` if it is the segment as a whole, or nobody knows any more.
    pub who: Option<Who>,
    /// Its device as it is now; `None` if that has no row any more.
    pub device: Option<Device>,
    /// Names of the devices of its segment, by their labels.
    pub names: HashMap<String, String>,
    /// The other storms on its segment while it lasted, at most 20, the first to begin first.
    pub meanwhile: Vec<Storm>,
    /// The busiest devices of its segment now, if it lasts and is of the segment as a whole; at
    /// most 20.
    pub busiest: Vec<Device>,
}

impl StormContext {
    /// Another device of the segment by its label, with its name if that is known:
    /// `d8:bb:c1:00:00:00 (nas.local)`.
    pub fn party(&self, device: &str) -> String {
        let name = self.names.get(device).map(|name| format!(" ({name})"));
        format!("{device}{}", name.unwrap_or_default())
    }
}

/// Who a device is, or was.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Host name.
    pub name: Option<String>,
    /// The address to show where only one can be.
    pub address: Option<String>,
    /// All addresses heard.
    pub addresses: Vec<String>,
    /// Addresses and names that another device claims too.
    pub contested: Vec<String>,
    /// Who made its network card.
    pub vendor: Option<&'static str>,
    /// Model, as it says.
    pub model: Option<String>,
    /// What kind of device.
    pub category: &'static str,
    /// Whether it is this machine.
    pub local: bool,
}

impl From<&Identity> for Who {
    fn from(identity: &Identity) -> Self {
        Self {
            name: identity.name.as_deref().map(str::to_owned),
            address: identity.address.map(|address| address.to_string()),
            addresses: identity.addresses.iter().map(ToString::to_string).collect(),
            contested: identity.contested.iter().map(ToString::to_string).collect(),
            vendor: identity.vendor,
            model: identity.model.as_deref().map(str::to_owned),
            category: identity.category.label(),
            local: identity.local,
        }
    }
}

/// The storm with this id, of those in `view` or, if it is there no more, `past`.
pub fn storm_context(view: &LanView, past: Option<&PastStorm>, id: &str) -> Option<StormContext> {
    let in_view = view.segments().find_map(|segment| Some((segment, find(segment, id)?)));
    let (segment, storm) = match (in_view, past) {
        (Some((segment, storm)), _) => (Some(segment), storm),
        (None, Some(past)) => {
            (view.segments().find(|segment| segment.label == past.label), &past.storm)
        }
        (None, None) => return None,
    };
    let label = segment.map(|segment| &segment.label).or(past.map(|past| &past.label))?;
    let row = segment.zip(storm.culprit.sender()).and_then(|(segment, sender)| {
        segment.snapshot.devices.iter().find(|device| device.sender == sender)
    });
    let identity = row.map(|row| &row.identity).or(past.and_then(|past| past.identity.as_ref()));
    let who = identity.map(|identity| Who::from(&**identity));
    let names = segment.map(storm::names).unwrap_or_default();
    let lan =
        segment.map_or(past.and_then(|past| past.lan.as_ref()), |segment| segment.lan.as_ref());
    let is_of_segment = storm.culprit.sender().is_none() && storm.end.is_none();
    let busiest = segment.filter(|_| is_of_segment).map(busiest).unwrap_or_default();
    Some(StormContext {
        storm: Storm::new(label, storm, who.as_ref().and_then(|who| who.name.as_deref())),
        lan: lan.map(ToString::to_string),
        device: row.map(|row| device::device(label, row)),
        meanwhile: segment.map(|segment| meanwhile(segment, storm, &names)).unwrap_or_default(),
        names: names.into_iter().map(|(who, name)| (who.to_string(), name.to_owned())).collect(),
        busiest,
        who,
    })
}

/// The storm of a segment with this id.
fn find<'v>(segment: &'v SegmentView, id: &str) -> Option<&'v told::Storm> {
    // An id ends in the number: no other is written out to be compared.
    let number = id.rsplit('-').next()?.parse::<u64>().ok()?;
    let mut same = segment.snapshot.storms.iter().filter(|storm| storm.number == number);
    same.find(|storm| storm.id(&segment.label) == id)
}

fn meanwhile(
    segment: &SegmentView,
    storm: &told::Storm,
    names: &HashMap<Sender, &str>,
) -> Vec<Storm> {
    const FOR_EVER: Stamp = Stamp(i128::MAX);
    let end = |storm: &told::Storm| storm.end.map_or(FOR_EVER, |(end, _)| end);
    let all = segment.snapshot.storms.iter();
    all.filter(|other| {
        other.number != storm.number
            && other.first_frame <= end(storm)
            && storm.first_frame <= end(other)
    })
    .take(OTHERS)
    .map(|other| {
        let name = other.culprit.sender().and_then(|sender| names.get(&sender).copied());
        Storm::new(&segment.label, other, name)
    })
    .collect()
}

fn busiest(segment: &SegmentView) -> Vec<Device> {
    let mut rows: Vec<&DeviceSnapshot> =
        segment.snapshot.devices.iter().filter(|row| row.latest > 0).collect();
    rows.sort_by_key(|row| (Reverse(row.latest), Reverse(row.peak_minute), row.sender));
    rows.truncate(OTHERS);
    rows.into_iter().map(|row| device::device(&segment.label, row)).collect()
}
