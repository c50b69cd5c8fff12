//! A segment for tests: frames as bytes go through the decoder into an engine, which the test then
//! reads. Knows no socket, file or clock: time is what the test says.

#![allow(dead_code, reason = "each test takes what it needs")]

use multicast_exporter::craft::Host;
use multicast_exporter::decode::mdns::{HashKey, Kind};
use multicast_exporter::decode::{Sender, decode};
use multicast_exporter::detect::Horizon;
use multicast_exporter::engine::{
    Budget, Config, Converted, DeviceSnapshot, Engine, Identity, Judging, Snapshot,
};
use multicast_exporter::frame::{Direction, Frame, FrameMeta, LinkType};
use multicast_exporter::time::{Stamp, Time};
use std::sync::Arc;
use std::time::Duration;

/// Keys that do not matter.
pub const KEY: HashKey = HashKey([1, 2, 3, 4]);

/// The settings of every engine of these tests: 2,000 devices, none forgotten within four
/// hours, none of them this machine.
pub fn config(converted: Converted) -> Config {
    Config {
        budget: Arc::new(Budget::new(2_000)),
        expiry: Some(Duration::from_hours(4)),
        local: Arc::default(),
        converted,
        judging: Judging::Everything,
        horizon: Horizon::Now,
        storms_kept: Config::STORMS_LIVE,
    }
}

/// A segment that is no longer suspended when the first frame comes.
pub struct Segment {
    pub engine: Engine,
    /// Microseconds.
    now: u64,
}

impl Segment {
    /// A live segment for 2,000 devices, ten seconds old.
    pub fn new() -> Self {
        let mut segment = Self::just_started(Converted::Live);
        segment.engine.handle_timeout(Time(0));
        segment.pass(10_000);
        segment
    }

    /// A live segment, ten seconds old, that forgets devices after so many seconds of silence.
    pub fn with_expiry(seconds: u64) -> Self {
        let expiry = Some(Duration::from_secs(seconds));
        let config = Config { expiry, ..config(Converted::Live) };
        let mut segment = Self { engine: Engine::new(config, KEY), now: 0 };
        segment.engine.handle_timeout(Time(0));
        segment.pass(10_000);
        segment
    }

    /// A live segment, ten seconds old, in which so much is judged.
    pub fn judging(judging: Judging) -> Self {
        let config = Config { judging, ..config(Converted::Live) };
        let mut segment = Self { engine: Engine::new(config, KEY), now: 0 };
        segment.engine.handle_timeout(Time(0));
        segment.pass(10_000);
        segment
    }

    /// A segment of a file, ten seconds old.
    pub fn of_file() -> Self {
        let config = Config { horizon: Horizon::Whole, expiry: None, ..config(Converted::Files) };
        let mut segment = Self { engine: Engine::new(config, KEY), now: 0 };
        segment.engine.handle_timeout(Time(0));
        segment.pass(10_000);
        segment
    }

    /// A segment that was never told anything.
    pub fn just_started(converted: Converted) -> Self {
        Self { engine: Engine::new(config(converted), KEY), now: 0 }
    }

    pub fn now(&self) -> Time {
        Time(self.now * 1_000)
    }

    /// Lets time pass, in milliseconds.
    pub fn pass(&mut self, millis: u64) -> &mut Self {
        self.pass_micros(millis * 1_000)
    }

    /// Lets time pass, in microseconds.
    pub fn pass_micros(&mut self, micros: u64) -> &mut Self {
        self.now += micros;
        self
    }

    /// Hears an Ethernet frame.
    pub fn hear(&mut self, bytes: &[u8]) -> &mut Self {
        self.hear_of(bytes, bytes.len())
    }

    /// Hears an Ethernet frame at a time, with a stamp, of the test's choice.
    pub fn hear_at(&mut self, time: Time, stamp: Stamp, bytes: &[u8]) -> &mut Self {
        let meta = meta(stamp, bytes.len());
        self.engine.handle_frame(time, stamp, &decode(&Frame { meta, bytes }));
        self
    }

    /// Hears the first bytes of an Ethernet frame that had `wire_len`.
    pub fn hear_of(&mut self, bytes: &[u8], wire_len: usize) -> &mut Self {
        let stamp = Stamp(self.now().0.into());
        let meta = meta(stamp, wire_len);
        let now = self.now();
        self.engine.handle_frame(now, stamp, &decode(&Frame { meta, bytes }));
        self
    }

    pub fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }

    /// The row of a host.
    pub fn device(&self, host: Host) -> Option<DeviceSnapshot> {
        let sender = Sender::Mac(host.mac);
        self.snapshot().devices.into_iter().find(|device| device.sender == sender)
    }

    /// Who a host is.
    pub fn identity(&self, host: Host) -> Identity {
        self.device(host).map(|device| (*device.identity).clone()).expect("a row")
    }

    /// The messages of a host by kind, those that there are.
    pub fn kinds(&self, host: Host) -> Vec<(Kind, u64)> {
        let messages = self.device(host).map(|device| device.counters.messages).unwrap_or_default();
        Kind::ALL.into_iter().zip(messages).filter(|(_, count)| *count > 0).collect()
    }
}

fn meta(stamp: Stamp, wire_len: usize) -> FrameMeta {
    FrameMeta {
        stamp,
        interface: 0,
        link: LinkType::Ethernet,
        stripped_tag: None,
        direction: Direction::Incoming,
        wire_len: u32::try_from(wire_len).expect("short"),
    }
}
