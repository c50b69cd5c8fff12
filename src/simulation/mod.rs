//! A simulated LAN: some twenty devices as state machines on simulated time. Gives the frames that
//! they would multicast, in the order of time, the same for the same seed.
//!
//! The devices keep the rules: they probe, announce, answer after a delay and not twice in a
//! second, list what they know, ask with growing gaps, refresh at 80 % of a TTL, say goodbye.
//! Any violation found in them is a false one. Faults are put in by hand: [`Simulation::lock_up`]
//! for the demo; the scenarios of the tests put in others.
//!
//! ```
//! use multicast_exporter::simulation::{Options, Simulation};
//! use std::time::Duration;
//!
//! let mut lan = Simulation::new(Options { seed: 7, ..Options::default() });
//! let mut frames = 0;
//! while let Some((at, bytes)) = lan.frame_until(Duration::from_secs(60)) {
//!     assert!(at <= Duration::from_secs(60) && bytes.len() >= 60);
//!     frames += 1;
//! }
//! assert!(frames > 100);
//! ```
//!
//! | module | is |
//! |---|---|
//! | `agenda` | what happens when |
//! | `household` | the devices, as data |
//! | `device` | what a device is and remembers |
//! | `record` | the mDNS records, by number |
//! | `mdns` | how devices probe, announce, ask, answer and leave |
//! | `habit` | what else they do: addresses, groups, SSDP, Windows, a scanner |
//! | `segment` | the other segments of a site |
//! | `site` | what one LAN has otherwise than the next |
//! | `fault` | what goes wrong |
//! | `server` | the machine that listens, and what that costs it |
//! | `stream` | a media streamer |

mod agenda;
mod device;
mod fault;
mod habit;
mod household;
mod mdns;
mod record;
mod segment;
mod server;
mod site;
mod stream;

pub use household::Member;
pub use segment::Segment;
pub use server::{Calls, Listener, Server};
pub use site::Site;
pub use stream::Stream;

use crate::craft::{Host, padded};
use crate::mac::Mac;
use agenda::{Agenda, MIN, Nanos, S, nanos};
use device::{Device, Habit, Place};
use fastrand::Rng;
use record::{RecordId, Records};
use simple_dns::TYPE;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Frames that are sent at once stand this far apart on the wire.
const SPACING: Nanos = 10_000;

/// What LAN to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The same seed makes the same frames.
    pub seed: u64,
    /// All devices but the visitors boot within this time.
    pub boot: Duration,
    /// When the streamer plays.
    pub stream: Stream,
    /// How many packets a second it then sends.
    pub stream_rate: u32,
    /// Which LAN of its kind it is.
    pub site: Site,
    /// Which segment of the site.
    pub segment: Segment,
}

/// Seed 0, booted within 20 s, no stream, the household of the documents.
impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            boot: Duration::from_secs(20),
            stream: Stream::Off,
            stream_rate: 2_000,
            site: Site::default(),
            segment: Segment::Home,
        }
    }
}

/// A simulated LAN. It goes on for ever; memory grows by some kilobytes for each visit of a phone.
#[derive(Debug)]
pub struct Simulation {
    now: Nanos,
    /// When the last frame was sent.
    last: Nanos,
    agenda: Agenda<Entry>,
    devices: Vec<Device>,
    records: Records,
    rng: Rng,
    streamer: Option<stream::Streamer>,
    /// Frames that were sent and not handed out yet.
    outbox: VecDeque<(Nanos, Vec<u8>)>,
    /// The frame handed out last.
    frame: Vec<u8>,
    /// Counts up with each visit.
    visits: u32,
    /// Counts up with each interest.
    interests: u32,
    /// A device that sends on what others say, where there is one.
    repeater: Option<Place>,
}

/// Something that a device is going to do.
#[derive(Debug)]
struct Entry {
    place: Place,
    /// Only if the device has not come or gone since.
    life: u32,
    action: Action,
}

/// What a device may do.
#[derive(Debug)]
enum Action {
    /// It boots.
    Join,
    /// It goes, with or without saying goodbye.
    Leave { goodbye: bool },
    /// It is switched off or breaks.
    Vanish,
    /// It sends what it had ready.
    Send(Vec<u8>),
    /// It does what it does again and again.
    Do(Habit),
    /// Its n-th probe.
    Probe(u32),
    /// Its n-th announcement.
    Announce(u32),
    /// It answers what was asked.
    Respond(device::Family),
    /// It asks what it wants to know; the last gap between two questions.
    Ask { interest: u32, gap: Nanos },
    /// It asks for a record that it knows and still needs.
    Refresh { record: RecordId, received: Nanos, stage: u8 },
    /// It asks this, whatever it knows.
    Question { owner: String, rtype: TYPE },
    /// It sends one frame over and over.
    Repeat { frame: Vec<u8>, gap: Nanos, until: Nanos },
    /// It fights for a name, in rounds.
    Fight { round: u32, until: Nanos },
}

impl Simulation {
    /// A LAN on which nothing was sent yet.
    pub fn new(options: Options) -> Self {
        let Options { site, segment, stream, stream_rate, .. } = options;
        let streamer = site.host(Member::Streamer.host());
        let devices: Vec<Device> = segment.devices(site).into_iter().map(Device::new).collect();
        let repeats = |device: &Device| device.profile.habits.contains(&Habit::Repeats);
        let mut lan = Self {
            now: 0,
            last: 0,
            agenda: Agenda::default(),
            repeater: devices.iter().position(repeats),
            devices,
            records: Records::default(),
            rng: Rng::with_seed(options.seed),
            streamer: stream::Streamer::new(streamer, stream, stream_rate),
            outbox: VecDeque::new(),
            frame: Vec::new(),
            visits: 0,
            interests: 0,
        };
        for place in 0..lan.devices.len() {
            let at = if place == ROUTER {
                0
            } else if lan.devices[place].profile.is_visitor() {
                nanos(options.boot) + lan.rng.u64(MIN..30 * MIN)
            } else {
                lan.rng.u64(0..=nanos(options.boot))
            };
            lan.plan(place, at, Action::Join);
        }
        lan
    }

    /// The addresses that a member of the household has here.
    pub fn host(&self, member: Member) -> Host {
        self.devices[member as usize].host
    }

    /// The next frame, if it is sent until then. Times never go back.
    pub fn frame_until(&mut self, until: Duration) -> Option<(Duration, &[u8])> {
        let until = nanos(until);
        loop {
            if let Some((at, _)) = self.outbox.front() {
                if *at > until {
                    return None;
                }
                let (at, frame) = self.outbox.pop_front()?;
                self.frame = frame;
                return Some((Duration::from_nanos(at), &self.frame));
            }
            let planned = self.agenda.next_at().unwrap_or(Nanos::MAX);
            let stream = self.streamer.as_ref().and_then(stream::Streamer::next_at);
            let stream = stream.unwrap_or(Nanos::MAX);
            if planned.min(stream) > until {
                return None;
            }
            if stream <= planned {
                self.last = stream.max(self.last + 1);
                let streamer = self.streamer.as_mut()?;
                return Some((Duration::from_nanos(self.last), streamer.send()));
            }
            let (at, entry) = self.agenda.take()?;
            self.now = at;
            self.act(entry);
        }
    }

    /// When the next frame may be sent, at the earliest.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        // What was sent goes out before anything else happens.
        if let Some((at, _)) = self.outbox.front() {
            return Some(Duration::from_nanos(*at));
        }
        let streamed = self.streamer.as_ref().and_then(stream::Streamer::next_at);
        let all = [self.agenda.next_at(), streamed];
        all.into_iter().flatten().min().map(Duration::from_nanos)
    }

    /// All frames sent until then, each in memory of its own.
    pub fn frames(mut self, until: Duration) -> impl Iterator<Item = (Duration, Vec<u8>)> {
        std::iter::from_fn(move || self.frame_until(until).map(|(at, bytes)| (at, bytes.to_vec())))
    }

    /// The member is switched off without a word.
    pub fn unplug(&mut self, member: Member, at: Duration) {
        let entry = Entry { place: member as usize, life: ANY_LIFE, action: Action::Vanish };
        self.agenda.add(nanos(at), entry);
    }

    /// The member is switched on, whether or not it was off.
    pub fn plug_in(&mut self, member: Member, at: Duration) {
        let entry = Entry { place: member as usize, life: ANY_LIFE, action: Action::Join };
        self.agenda.add(nanos(at), entry);
    }

    /// Some sender sends this frame.
    pub fn inject(&mut self, at: Duration, frame: Vec<u8>) {
        let entry = Entry { place: 0, life: ANY_LIFE, action: Action::Send(frame) };
        self.agenda.add(nanos(at), entry);
    }

    /// Plans what a device does if it is still there then.
    fn plan(&mut self, place: Place, at: Nanos, action: Action) {
        let life = self.devices[place].life;
        self.agenda.add(at, Entry { place, life, action });
    }

    /// Plans it for a random instant after `least` and before `most` from now.
    fn plan_within(&mut self, place: Place, least: Nanos, most: Nanos, action: Action) {
        let at = self.now + self.rng.u64(least..most);
        self.plan(place, at, action);
    }

    /// Puts a frame on the wire.
    fn send(&mut self, frame: Vec<u8>) {
        self.last = self.now.max(self.last + SPACING);
        self.outbox.push_back((self.last, padded(frame)));
    }

    fn act(&mut self, entry: Entry) {
        let Entry { place, life, action } = entry;
        if life != ANY_LIFE && life != self.devices[place].life {
            return;
        }
        match action {
            Action::Join => self.join(place),
            Action::Leave { goodbye } => self.leave(place, goodbye),
            Action::Vanish => self.vanish(place),
            Action::Send(frame) => self.send(frame),
            Action::Do(habit) => self.habit(place, habit),
            Action::Probe(n) => self.probe(place, n),
            Action::Announce(n) => self.announce(place, n),
            Action::Respond(family) => self.respond(place, family),
            Action::Ask { interest, gap } => self.ask(place, interest, gap),
            Action::Refresh { record, received, stage } => {
                self.refresh(place, record, received, stage);
            }
            Action::Question { owner, rtype } => self.ask_blindly(place, &owner, rtype),
            Action::Fight { round, until } => self.fight(round, until),
            Action::Repeat { frame, gap, until } => {
                self.send(frame.clone());
                if self.now + gap < until {
                    let repeat = Action::Repeat { frame, gap, until };
                    self.agenda.add(self.now + gap, Entry { place, life, action: repeat });
                }
            }
        }
    }

    fn join(&mut self, place: Place) {
        self.devices[place].forget();
        self.devices[place].is_on = true;
        if self.devices[place].profile.is_visitor() {
            self.visits += 1;
            // Locally administered and not a group: what phones take (IEEE 802c).
            let [_, a, b, c, d, e, ..] = self.rng.u64(..).to_be_bytes();
            let mac = Mac([self.rng.u8(..) & 0xfc | 2, a, b, c, d, e]);
            let last = u8::try_from(self.visits % 100).unwrap_or(0) + 100;
            let [a, b, c, _] = self.devices[ROUTER].host.v4.octets();
            self.devices[place].host = Host::new(mac, Ipv4Addr::new(a, b, c, last));
            let goodbye = self.rng.u8(0..10) < 3;
            self.plan_within(place, 20 * MIN, 90 * MIN, Action::Leave { goodbye });
        }
        if self.devices[place].profile.is_flaky() {
            self.plan_within(place, 4 * MIN, 6 * MIN, Action::Vanish);
        }
        self.introduce(place);
        if self.devices[place].has_mdns() {
            self.start_mdns(place);
        }
        for habit in self.devices[place].profile.habits {
            self.plan_within(place, 5 * S, 60 * S, Action::Do(*habit));
        }
    }

    fn leave(&mut self, place: Place, goodbye: bool) {
        if goodbye {
            self.goodbye(place);
        }
        self.vanish(place);
        if self.devices[place].profile.is_visitor() {
            self.plan_within(place, 10 * MIN, 120 * MIN, Action::Join);
        }
    }

    fn vanish(&mut self, place: Place) {
        self.devices[place].forget();
        self.devices[place].is_on = false;
        if self.devices[place].profile.is_flaky() {
            self.plan_within(place, 10 * MIN, 14 * MIN, Action::Join);
        }
    }
}

/// The router of each segment.
const ROUTER: Place = 0;

/// For what is done to a device, whatever it does itself.
const ANY_LIFE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
