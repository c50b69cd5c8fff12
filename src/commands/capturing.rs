//! Captures one interface, for `serve` and for `check` alike.
//!
//! Gives a running capture, and what its pipeline has to know of the interface and of this host. It
//! must not know when a capture begins and ends.

use super::configuration::Configuration;
use super::flags::{self, Serve};
use super::hash_key;
use crate::capture::descriptors::{self, Budget};
use crate::capture::groups::LISTENED;
use crate::capture::join::Joins;
use crate::capture::live::{self, Choice, Interface, Opened, Options};
use crate::capture::pool::Pool;
use crate::capture::wake::Wake;
use crate::capture::{Backend, CaptureError};
use crate::detect::{self, Horizon};
use crate::engine::{self, Local};
use crate::interfaces::{Link, Table, sysfs};
use crate::pipeline::Settings;
use crate::segment::{Labels, Lans, Sharing};
use crate::web::server;
use std::sync::Arc;

/// How interfaces are captured.
pub(crate) struct Means {
    backend: Choice,
    ring_size: Option<usize>,
    promiscuous: bool,
    join: bool,
    pool: Pool,
}

/// What captures leave to others.
pub const DESCRIPTORS: Budget = Budget::beside(server::Limits::DESCRIPTORS);

impl Means {
    /// As the flags say, with sockets of `pool`.
    pub fn new(flags: &flags::Capture, pool: Pool) -> Self {
        Self {
            backend: flags.backend,
            ring_size: flags.ring_size,
            promiscuous: flags.promiscuous,
            join: flags.join(),
            pool,
        }
    }

    /// Starts to capture on `link`, as one of so many interfaces, and joins the groups there.
    /// Memberships end when dropped.
    ///
    /// # Errors
    /// As [`live::open`]; [`CaptureError::NoDescriptors`] where it would take those of others.
    pub fn capture(
        &self,
        link: &Link,
        among: usize,
    ) -> Result<(Opened, Option<Joins>), CaptureError> {
        let interface = Interface {
            index: link.index,
            name: link.name.clone(),
            mac: link.mac,
            arphrd: link.hardware,
        };
        let ring_size = self.ring_size.unwrap_or_else(|| ring_share(among));
        let options = Options { ring_size, promiscuous: self.promiscuous };
        self.spare(&interface)?;
        let opened = live::open(self.backend, &interface, &self.pool, &options)?;
        // The sockets of that backend have joined the groups themselves, or would hear nothing.
        let joins =
            (self.join && opened.backend != Backend::Socket).then(|| Joins::new(link.index));
        Ok((opened, joins))
    }

    /// # Errors
    /// If there are not enough descriptors for what may be opened.
    fn spare(&self, interface: &Interface) -> Result<(), CaptureError> {
        let may_use_pool = match self.backend {
            Choice::Auto => self.pool.free() > 0,
            Choice::Ring | Choice::Pnet => true,
            Choice::Socket => false,
        };
        let sockets = if may_use_pool { Joins::SOCKETS } else { LISTENED.len() };
        let needed = sockets + Wake::DESCRIPTORS;
        if DESCRIPTORS.left() >= needed {
            return Ok(());
        }
        Err(CaptureError::NoDescriptors {
            interface: interface.name.clone(),
            limit: descriptors::limit().unwrap_or_default(),
            reserved: DESCRIPTORS.reserved(),
        })
    }
}

/// Memory of the rings of all captures that begin together, bytes, as long as each has
/// [`RING_LEAST`]; one that runs keeps what it has when others begin. A capture that does not get the
/// processor loses what its ring cannot hold: 4 MiB are 50 ms of 755-byte frames at 100,000 a second.
const RINGS: usize = 16 << 20;
/// The least that a ring has, bytes.
const RING_LEAST: usize = 4 << 20;

/// What a ring has of it among so many.
fn ring_share(among: usize) -> usize {
    (RINGS / among.max(1)).max(RING_LEAST)
}

/// What this host's own frames are known by.
pub fn local(table: &Table) -> Arc<Local> {
    Arc::new(Local { macs: table.local_macs(), addresses: table.local_addresses() })
}

/// What the detectors have to know of an interface.
pub fn seen(table: &Table, link: &Link) -> Arc<detect::Vantage> {
    let is_wireless = sysfs::is_wireless(&link.name);
    Arc::new(detect::Vantage { own: link.mac, is_wireless, subnets: table.subnets(link.index) })
}

/// What the pipelines of serving are given: those of interfaces and of a file to replay.
pub fn settings(
    flags: &Serve,
    configuration: &Configuration,
    lans: &Arc<Lans>,
    sharing: Sharing,
    converted: engine::Converted,
) -> Settings {
    Settings {
        engine: engine::Config {
            budget: Arc::new(engine::Budget::new(flags.devices.max)),
            expiry: Some(flags.devices.expiry),
            local: Arc::default(),
            converted,
            judging: match converted {
                engine::Converted::Live => engine::Judging::InTime,
                engine::Converted::Files => engine::Judging::Everything,
            },
            horizon: Horizon::Now,
            storms_kept: engine::Config::STORMS_LIVE,
        },
        key: hash_key(),
        labels: Labels::new(sharing, flags.capture.segments_max),
        lans: Arc::clone(lans),
        policy: configuration.expecting(),
        evidence: flags.evidence.dir.is_some().then(|| flags.evidence.packets.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_captures_have_larger_rings_and_each_has_the_least() {
        let shares = [0, 1, 2, 3, 4, 64].map(|among| ring_share(among) >> 20);
        assert_eq!(shares, [16, 16, 8, 5, 4, 4]);
    }
}
