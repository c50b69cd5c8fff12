//! The parts of a scrape, and what each of them reads. It must not know any family.

use crate::labelled::labelled;

labelled! {
    /// The parts of a scrape, in the order in which they are run and written, each with its own
    /// success and duration; the value of the `collector` label and of the `collect[]` and
    /// `exclude[]` parameters.
    #[derive(PartialOrd, Ord)]
    pub enum Collector {
        /// The exporter itself.
        Exporter = "exporter",
        /// Its process, from `/proc/self`.
        Process = "process",
        /// The system calls of this host.
        Syscalls = "syscalls",
        /// The sockets of this host that wait for discovery.
        Sockets = "sockets",
        /// What captures frames.
        Captures = "captures",
        /// Totals of each segment.
        Segments = "segments",
        /// Storms of segments and of devices.
        Storms = "storms",
        /// What is wrong with devices at any rate.
        Conditions = "conditions",
        /// Each device's mDNS messages, the rules that were broken, and the health of discovery.
        Mdns = "mdns",
        /// Each device's frames.
        Devices = "devices",
    }
}

impl Collector {
    /// Whether it reads what the engines have counted.
    pub(crate) const fn reads_engines(self) -> bool {
        match self {
            Self::Segments | Self::Storms | Self::Conditions | Self::Mdns | Self::Devices => true,
            Self::Exporter | Self::Process | Self::Syscalls | Self::Sockets | Self::Captures => {
                false
            }
        }
    }

    /// Whether it reads what the captures have, or what the exporter knows of itself.
    pub(crate) const fn reads_lan(self) -> bool {
        !matches!(self, Self::Process) && !self.reads_host()
    }

    /// Whether it reads what is counted of this host.
    pub(crate) const fn reads_host(self) -> bool {
        matches!(self, Self::Syscalls | Self::Sockets)
    }
}
