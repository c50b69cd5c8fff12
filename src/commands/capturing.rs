//! Captures one interface, for `serve` and for `check` alike.
//!
//! Gives a running capture, and what its pipeline has to know of the interface and of this host. It
//! must not know when a capture begins and ends.

use super::configuration::Configuration;
use super::flags::{self, Serve};
use super::hash_key;
use crate::capture::join::Joins;
use crate::capture::live::{self, Choice, Interface, Opened, Options};
use crate::capture::pool::Pool;
use crate::capture::{Backend, CaptureError};
use crate::detect::{self, Horizon};
use crate::engine::{self, Local};
use crate::interfaces::{Link, Table, sysfs};
use crate::pipeline::Settings;
use crate::segment::{Labels, Lans, Sharing};
use std::sync::Arc;

/// How interfaces are captured.
pub(crate) struct Means {
    backend: Choice,
    options: Options,
    join: bool,
    pool: Pool,
}

impl Means {
    /// As the flags say, with sockets of `pool`.
    pub fn new(flags: &flags::Capture, pool: Pool) -> Self {
        Self {
            backend: flags.backend,
            options: Options { ring_size: flags.ring_size, promiscuous: flags.promiscuous },
            join: flags.join(),
            pool,
        }
    }

    /// Starts to capture on `link` and joins the groups there. Memberships end when dropped.
    ///
    /// # Errors
    /// As [`live::open`].
    pub fn capture(&self, link: &Link) -> Result<(Opened, Option<Joins>), CaptureError> {
        let interface = Interface {
            index: link.index,
            name: link.name.clone(),
            mac: link.mac,
            arphrd: link.hardware,
        };
        let opened = live::open(self.backend, &interface, &self.pool, &self.options)?;
        // The sockets of that backend have joined the groups themselves, or would hear nothing.
        let joins =
            (self.join && opened.backend != Backend::Socket).then(|| Joins::new(link.index));
        Ok((opened, joins))
    }
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
