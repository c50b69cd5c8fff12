//! The table itself: one row a family, in the order of the README's table.

use super::{Collector, Family, Kind, Sight, host};

/// A row of the table.
pub(super) const fn row(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    collector: Collector,
    sight: Sight,
    help: &'static str,
) -> Family {
    Family { name, kind, labels, help, collector, sight }
}

/// `multicast_exporter_build_info`.
pub static BUILD_INFO: Family = row(
    "multicast_exporter_build_info",
    Kind::Gauge,
    &["version", "revision", "branch", "rustversion", "target"],
    Collector::Exporter,
    Sight::Nothing,
    "Constant 1; which build of the exporter this is.",
);

/// `multicast_exporter_capability_held`.
pub static CAPABILITY: Family = row(
    "multicast_exporter_capability_held",
    Kind::Gauge,
    &["capability", "when"],
    Collector::Exporter,
    Sight::Nothing,
    "Whether the exporter had a capability that it has a use for when it started (start), and whether any of its threads has it (now), 1 or 0.",
);

/// `multicast_exporter_clock_steps_total`.
pub static CLOCK_STEPS: Family = row(
    "multicast_exporter_clock_steps_total",
    Kind::Counter,
    &[],
    Collector::Exporter,
    Sight::Nothing,
    "Steps of the wall clock that the exporter has noticed.",
);

/// `multicast_exporter_config_last_reload_successful`.
pub static CONFIG_SUCCESSFUL: Family = row(
    "multicast_exporter_config_last_reload_successful",
    Kind::Gauge,
    &[],
    Collector::Exporter,
    Sight::Nothing,
    "Whether the configuration file could be used when it was read last, 1 or 0; absent without --config.file.",
);

/// `multicast_exporter_config_last_reload_success_timestamp_seconds`.
pub static CONFIG_SUCCESS_TIME: Family = row(
    "multicast_exporter_config_last_reload_success_timestamp_seconds",
    Kind::Gauge,
    &[],
    Collector::Exporter,
    Sight::Nothing,
    "When the configuration that is in use was read, since the Unix epoch in seconds; absent without --config.file.",
);

/// `multicast_exporter_evidence_files_total`.
pub static EVIDENCE_FILES: Family = row(
    "multicast_exporter_evidence_files_total",
    Kind::Counter,
    &["outcome"],
    Collector::Exporter,
    Sight::Nothing,
    "Evidence of storms that was written, that could not be kept (failed), and that was deleted to make room; absent without --evidence.dir.",
);

/// `multicast_exporter_capture_ring_bytes`.
pub static RING_BYTES: Family = row(
    "multicast_exporter_capture_ring_bytes",
    Kind::Gauge,
    &["capture"],
    Collector::Exporter,
    Sight::Ring,
    "Memory of a capture's ring, which counts as neither anonymous nor heap memory.",
);

/// `multicast_scrape_collector_success`.
pub static COLLECTOR_SUCCESS: Family = row(
    "multicast_scrape_collector_success",
    Kind::Gauge,
    &["collector"],
    Collector::Exporter,
    Sight::Nothing,
    "Whether a collector could collect all that it should, 1 or 0.",
);

/// `multicast_scrape_collector_duration_seconds`.
pub static COLLECTOR_DURATION: Family = row(
    "multicast_scrape_collector_duration_seconds",
    Kind::Gauge,
    &["collector"],
    Collector::Exporter,
    Sight::Nothing,
    "How long a collector took, its wait for the captures' locks included.",
);

/// `process_cpu_seconds_total`.
pub static PROCESS_CPU: Family = row(
    "process_cpu_seconds_total",
    Kind::Counter,
    &[],
    Collector::Process,
    Sight::Nothing,
    "User and system CPU time spent, in seconds.",
);

/// `process_open_fds`.
pub static PROCESS_OPEN_FDS: Family = row(
    "process_open_fds",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Number of open file descriptors.",
);

/// `process_max_fds`.
pub static PROCESS_MAX_FDS: Family = row(
    "process_max_fds",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Maximum number of open file descriptors; absent if there is none.",
);

/// `process_virtual_memory_bytes`.
pub static PROCESS_VIRTUAL: Family = row(
    "process_virtual_memory_bytes",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Virtual memory size in bytes.",
);

/// `process_virtual_memory_max_bytes`.
pub static PROCESS_VIRTUAL_MAX: Family = row(
    "process_virtual_memory_max_bytes",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Maximum amount of virtual memory available in bytes; absent if there is none.",
);

/// `process_resident_memory_bytes`.
pub static PROCESS_RESIDENT: Family = row(
    "process_resident_memory_bytes",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Resident memory size in bytes.",
);

/// `process_resident_anonymous_memory_bytes`.
pub static PROCESS_ANONYMOUS: Family = row(
    "process_resident_anonymous_memory_bytes",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Resident anonymous memory in bytes: what the process itself has written, without rings and program text.",
);

/// `process_start_time_seconds`.
pub static PROCESS_START: Family = row(
    "process_start_time_seconds",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Start time of the process since the Unix epoch in seconds.",
);

/// `process_threads`.
pub static PROCESS_THREADS: Family = row(
    "process_threads",
    Kind::Gauge,
    &[],
    Collector::Process,
    Sight::Nothing,
    "Number of threads in the process.",
);

/// `multicast_capture_up`.
pub static CAPTURE_UP: Family = row(
    "multicast_capture_up",
    Kind::Gauge,
    &["capture"],
    Collector::Captures,
    Sight::Frames,
    "Whether a kernel interface is being captured, 1 or 0.",
);

/// `multicast_capture_dropped_total`.
pub static CAPTURE_DROPPED: Family = row(
    "multicast_capture_dropped_total",
    Kind::Counter,
    &["capture"],
    Collector::Captures,
    Sight::Drops,
    "Frames that the kernel dropped before they were read, of all VLANs.",
);

/// `multicast_capture_info`.
pub static CAPTURE_INFO: Family = row(
    "multicast_capture_info",
    Kind::Gauge,
    &["capture", "backend", "vlan", "direction", "drops", "bytes"],
    Collector::Captures,
    Sight::Frames,
    "Constant 1; what a capture's backend can tell: yes, no or estimated.",
);

/// `multicast_segment_info`.
pub static SEGMENT_INFO: Family = row(
    "multicast_segment_info",
    Kind::Gauge,
    &["interface", "capture", "vlan"],
    Collector::Segments,
    Sight::Frames,
    "Constant 1; on which captured kernel interface, and in which VLAN, a segment is heard.",
);

/// `multicast_interface_packets_total`.
pub static PACKETS: Family = row(
    "multicast_interface_packets_total",
    Kind::Counter,
    &["interface", "protocol"],
    Collector::Segments,
    Sight::Frames,
    "Multicast and broadcast frames seen, and unicast mDNS.",
);

/// `multicast_interface_bytes_total`.
pub static BYTES: Family = row(
    "multicast_interface_bytes_total",
    Kind::Counter,
    &["interface", "protocol"],
    Collector::Segments,
    Sight::Frames,
    "Length of these frames on the wire; estimated by the socket backend.",
);

/// `multicast_interface_packets_per_second`.
pub static PER_SECOND: Family = row(
    "multicast_interface_packets_per_second",
    Kind::Histogram,
    &["interface"],
    Collector::Segments,
    Sight::Frames,
    "How many signalling and address frames (all but other_multicast and unicast) each whole second held, silent seconds included.",
);

/// `multicast_interface_converted_packets_total`.
pub static CONVERTED: Family = row(
    "multicast_interface_converted_packets_total",
    Kind::Counter,
    &["interface"],
    Collector::Segments,
    Sight::LinkLayer,
    "Multicast IP in unicast frames to this host, as Wi-Fi access points send it.",
);

/// `multicast_interface_decode_errors_total`.
pub static DECODE_ERRORS: Family = row(
    "multicast_interface_decode_errors_total",
    Kind::Counter,
    &["interface", "protocol", "reason"],
    Collector::Segments,
    Sight::Frames,
    "Frames in which something was wrong or missing, by what it was.",
);

/// `multicast_interface_devices`.
pub static DEVICES: Family = row(
    "multicast_interface_devices",
    Kind::Gauge,
    &["interface"],
    Collector::Segments,
    Sight::Frames,
    "Devices being tracked.",
);

/// `multicast_interface_devices_evicted_total`.
pub static EVICTED: Family = row(
    "multicast_interface_devices_evicted_total",
    Kind::Counter,
    &["interface", "reason"],
    Collector::Segments,
    Sight::Frames,
    "Devices forgotten because they were silent too long (expired) or newcomers took their place (capacity).",
);

/// `multicast_interface_detectors_suspended_total`.
pub static SUSPENDED: Family = row(
    "multicast_interface_detectors_suspended_total",
    Kind::Counter,
    &["interface"],
    Collector::Segments,
    Sight::Frames,
    "Times that rules which rest on silence were suspended: after a start, kernel drops or a step of the clock.",
);

/// `multicast_querier_last_query_timestamp_seconds`.
pub static QUERIER_LAST_QUERY: Family = row(
    "multicast_querier_last_query_timestamp_seconds",
    Kind::Gauge,
    &["interface", "family"],
    Collector::Segments,
    Sight::Membership,
    "When the last IGMP (ipv4) or MLD (ipv6) general query was heard, since the Unix epoch in seconds; absent until the first.",
);

/// `multicast_querier_interval_seconds`.
pub static QUERIER_INTERVAL: Family = row(
    "multicast_querier_interval_seconds",
    Kind::Gauge,
    &["interface", "family"],
    Collector::Segments,
    Sight::Membership,
    "Interval between general queries, as the last one states, else as measured; absent until it is known.",
);

/// `multicast_queriers`.
pub static QUERIERS: Family = row(
    "multicast_queriers",
    Kind::Gauge,
    &["interface", "family"],
    Collector::Segments,
    Sight::Membership,
    "Addresses from which general queries come, within the time for which each is believed in; 0.0.0.0 is none, more than 16 are 16.",
);

/// `multicast_groups`.
pub static GROUPS: Family = row(
    "multicast_groups",
    Kind::Gauge,
    &["interface", "family"],
    Collector::Segments,
    Sight::Membership,
    "Groups with a member reported in the last 260 s, this machine's own included; few behind a switch that snoops.",
);

/// `multicast_interface_reflected_packets_total`.
pub static REFLECTED: Family = row(
    "multicast_interface_reflected_packets_total",
    Kind::Counter,
    &["interface"],
    Collector::Segments,
    Sight::LinkLayer,
    "Payloads that were heard again from another MAC.",
);

/// `multicast_interface_storm_active`.
pub static STORM_ACTIVE: Family = row(
    "multicast_interface_storm_active",
    Kind::Gauge,
    &["interface"],
    Collector::Storms,
    Sight::Frames,
    "Whether the segment as a whole is in a storm, 1 or 0.",
);

/// `multicast_interface_storm_cause`.
pub static STORM_CAUSE: Family = row(
    "multicast_interface_storm_cause",
    Kind::Gauge,
    &["interface", "cause"],
    Collector::Storms,
    Sight::Frames,
    "Constant 1 while the segment as a whole is in a storm; why.",
);

/// `multicast_interface_storms_total`.
pub static STORMS: Family = row(
    "multicast_interface_storms_total",
    Kind::Counter,
    &["interface", "level", "cause"],
    Collector::Storms,
    Sight::Frames,
    "Storms of devices that have ended, by their final level and cause; causes that the backend can see.",
);

/// `multicast_device_storm_active`.
pub static DEVICE_STORM_ACTIVE: Family = row(
    "multicast_device_storm_active",
    Kind::Gauge,
    &["interface", "device", "level"],
    Collector::Storms,
    Sight::Frames,
    "Whether a device is in a storm of that level, 1 or 0; both levels from its first storm on.",
);

/// `multicast_device_storm_cause`.
pub static DEVICE_STORM_CAUSE: Family = row(
    "multicast_device_storm_cause",
    Kind::Gauge,
    &["interface", "device", "cause"],
    Collector::Storms,
    Sight::Frames,
    "Constant 1 while a device is in a storm; its main cause.",
);

/// `multicast_device_storm_start_timestamp_seconds`.
pub static DEVICE_STORM_START: Family = row(
    "multicast_device_storm_start_timestamp_seconds",
    Kind::Gauge,
    &["interface", "device"],
    Collector::Storms,
    Sight::Frames,
    "When the storm that a device is in began, since the Unix epoch in seconds; only while it lasts.",
);

/// `multicast_device_storms_total`.
pub static DEVICE_STORMS: Family = row(
    "multicast_device_storms_total",
    Kind::Counter,
    &["interface", "device", "level"],
    Collector::Storms,
    Sight::Frames,
    "Storms of a device that have begun or risen to that level; both levels from its first storm on.",
);

/// `mdns_interface_violations_total`.
pub static VIOLATIONS: Family = row(
    "mdns_interface_violations_total",
    Kind::Counter,
    &["interface", "rule"],
    Collector::Mdns,
    Sight::Frames,
    "Messages that broke a rule of RFC 6762 or of another discovery protocol; rules that the backend can see.",
);

/// `mdns_device_violations_total`.
pub static DEVICE_VIOLATIONS: Family = row(
    "mdns_device_violations_total",
    Kind::Counter,
    &["interface", "device", "rule"],
    Collector::Mdns,
    Sight::Frames,
    "Messages of a device that broke a rule; only rules that it has broken.",
);

/// `mdns_device_messages_total`.
pub static MDNS_MESSAGES: Family = row(
    "mdns_device_messages_total",
    Kind::Counter,
    &["interface", "device", "kind"],
    Collector::Mdns,
    Sight::Frames,
    "mDNS messages sent by a device; each is exactly one kind.",
);

/// `mdns_device_records_total`.
pub static MDNS_RECORDS: Family = row(
    "mdns_device_records_total",
    Kind::Counter,
    &["interface", "device", "section"],
    Collector::Mdns,
    Sight::Frames,
    "Entries decoded in a device's mDNS messages, by section.",
);

/// `mdns_services`.
pub static MDNS_SERVICES: Family = row(
    "mdns_services",
    Kind::Gauge,
    &["interface", "service"],
    Collector::Mdns,
    Sight::Frames,
    "Live instances of a type of service, by TTL; types beyond 64 are other. Stands still at 8,192 instances a segment.",
);

/// `mdns_response_delay_seconds`.
pub static MDNS_RESPONSE_DELAY: Family = row(
    "mdns_response_delay_seconds",
    Kind::Histogram,
    &["interface"],
    Collector::Mdns,
    Sight::Frames,
    "From a multicast question for a record that somebody has to its first multicast answer, up to 2 s.",
);

/// `mdns_questions_unanswered_total`.
pub static MDNS_UNANSWERED: Family = row(
    "mdns_questions_unanswered_total",
    Kind::Counter,
    &["interface"],
    Collector::Mdns,
    Sight::Frames,
    "Multicast questions for a record that somebody has, by its TTL, that nobody answered within 3 s; at most one a name and minute.",
);

/// `multicast_device_packets_total`.
pub static DEVICE_PACKETS: Family = row(
    "multicast_device_packets_total",
    Kind::Counter,
    &["interface", "device", "protocol"],
    Collector::Devices,
    Sight::Frames,
    "Frames sent by a device; only protocols that it has used.",
);

/// `multicast_device_bytes_total`.
pub static DEVICE_BYTES: Family = row(
    "multicast_device_bytes_total",
    Kind::Counter,
    &["interface", "device", "protocol"],
    Collector::Devices,
    Sight::Frames,
    "Length of these frames on the wire; estimated by the socket backend.",
);

/// `multicast_device_peak_packets_per_second`.
pub static DEVICE_PEAK: Family = row(
    "multicast_device_peak_packets_per_second",
    Kind::Gauge,
    &["interface", "device"],
    Collector::Devices,
    Sight::Frames,
    "A device's busiest whole second of the last 60 s: signalling and address frames (all but other_multicast and unicast).",
);

/// `multicast_device_last_seen_timestamp_seconds`.
pub static DEVICE_LAST_SEEN: Family = row(
    "multicast_device_last_seen_timestamp_seconds",
    Kind::Gauge,
    &["interface", "device"],
    Collector::Devices,
    Sight::Frames,
    "When a device was last heard, since the Unix epoch in seconds.",
);

/// `multicast_device_info`.
pub static DEVICE_INFO: Family = row(
    "multicast_device_info",
    Kind::Gauge,
    &["interface", "device", "address", "name", "vendor", "model", "category", "local"],
    Collector::Devices,
    Sight::Frames,
    "Constant 1; what is known of a device, empty where it is not. local: sent by this machine.",
);

/// Every family.
pub static ALL: &[&Family] = &[
    &BUILD_INFO,
    &CAPABILITY,
    &CLOCK_STEPS,
    &CONFIG_SUCCESSFUL,
    &CONFIG_SUCCESS_TIME,
    &EVIDENCE_FILES,
    &host::SYSCALLS_INFO,
    &host::SOCKETS_INFO,
    &RING_BYTES,
    &COLLECTOR_SUCCESS,
    &COLLECTOR_DURATION,
    &PROCESS_CPU,
    &PROCESS_OPEN_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_VIRTUAL,
    &PROCESS_VIRTUAL_MAX,
    &PROCESS_RESIDENT,
    &PROCESS_ANONYMOUS,
    &PROCESS_START,
    &PROCESS_THREADS,
    &host::SYSCALLS,
    &host::SYSCALLS_PER_SECOND,
    &host::SYSCALLS_BY_CALL,
    &host::PROCESS_SYSCALLS,
    &host::PROCESS_SYSCALLS_PER_SECOND,
    &host::SOCKETS,
    &host::SOCKET_DROPS,
    &host::SOCKET_RECEIVE_QUEUE,
    &CAPTURE_UP,
    &CAPTURE_DROPPED,
    &CAPTURE_INFO,
    &SEGMENT_INFO,
    &PACKETS,
    &BYTES,
    &PER_SECOND,
    &CONVERTED,
    &DECODE_ERRORS,
    &DEVICES,
    &EVICTED,
    &SUSPENDED,
    &QUERIER_LAST_QUERY,
    &QUERIER_INTERVAL,
    &QUERIERS,
    &GROUPS,
    &REFLECTED,
    &STORM_ACTIVE,
    &STORM_CAUSE,
    &STORMS,
    &DEVICE_STORM_ACTIVE,
    &DEVICE_STORM_CAUSE,
    &DEVICE_STORM_START,
    &DEVICE_STORMS,
    &VIOLATIONS,
    &DEVICE_VIOLATIONS,
    &MDNS_MESSAGES,
    &MDNS_RECORDS,
    &MDNS_SERVICES,
    &MDNS_RESPONSE_DELAY,
    &MDNS_UNANSWERED,
    &DEVICE_PACKETS,
    &DEVICE_BYTES,
    &DEVICE_PEAK,
    &DEVICE_LAST_SEEN,
    &DEVICE_INFO,
];
