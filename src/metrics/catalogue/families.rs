//! The table of families: one row each, in the order of the README's table.
//!
//! A row is the name of its static, then the family's name, kind, labels, collector and sight, then
//! its help. [`ALL`] and the statics' documentation are made from the rows.

use super::{Collector, Family, Kind, Sight};

macro_rules! families {
    ($($id:ident = $name:literal, $kind:ident, [$($label:literal),*], $collector:ident, $sight:ident, $help:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub static $id: Family = Family {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
                collector: Collector::$collector,
                sight: Sight::$sight,
            };
        )*

        /// Every family.
        pub static ALL: &[&Family] = &[$(&$id),*];
    };
}

families! {
    BUILD_INFO = "multicast_exporter_build_info", Gauge, ["version", "revision", "branch", "rustversion", "target"], Exporter, Nothing,
        "Constant 1; which build of the exporter this is.";
    WEB_INFO = "multicast_exporter_web_info", Gauge, ["external_url"], Exporter, Nothing,
        "Constant 1; where people reach the exporter's pages, for the links in alerts; absent without --web.external-url.";
    SIMULATED = "multicast_exporter_simulated", Gauge, [], Exporter, Nothing,
        "1 if what is counted is simulated (demo), else 0.";
    CAPABILITY = "multicast_exporter_capability_held", Gauge, ["capability", "when"], Exporter, Nothing,
        "Whether the exporter had a capability that it has a use for when it started (start), and whether any of its threads has it (now), 1 or 0.";
    CLOCK_STEPS = "multicast_exporter_clock_steps_total", Counter, [], Exporter, Nothing,
        "Steps of the wall clock that the exporter has noticed.";
    CAPTURES_FORGOTTEN = "multicast_exporter_captures_forgotten_total", Counter, [], Exporter, Nothing,
        "Captures that were forgotten with all their series, because their interfaces were gone for --devices.expiry or 16 others have gone since.";
    CONFIG_SUCCESSFUL = "multicast_exporter_config_last_reload_successful", Gauge, [], Exporter, Nothing,
        "Whether the configuration file could be used when it was read last, 1 or 0; absent without --config.file.";
    CONFIG_SUCCESS_TIME = "multicast_exporter_config_last_reload_success_timestamp_seconds", Gauge, [], Exporter, Nothing,
        "When the configuration that is in use was read, since the Unix epoch in seconds; absent without --config.file.";
    EVIDENCE_FILES = "multicast_exporter_evidence_files_total", Counter, ["outcome"], Exporter, Nothing,
        "Evidence of storms that was written, that could not be kept (failed), and that was deleted to make room; absent without --evidence.dir.";
    LOG_DROPPED = "multicast_exporter_log_lines_dropped_total", Counter, [], Exporter, Nothing,
        "Lines of the exporter's log that were dropped because nobody read standard error in time.";
    SYSCALLS_INFO = "multicast_exporter_syscalls_info", Gauge, ["backend", "reason"], Exporter, Nothing,
        "Constant 1; how system calls are counted (ebpf, perf or off), and why no better way runs. perf knows the total only.";
    SOCKETS_INFO = "multicast_exporter_sockets_info", Gauge, ["owners"], Exporter, Nothing,
        "Constant 1; how the owners of sockets are found: by the files that processes hold (fd), by user (uid), or no socket is looked at (none).";
    RING_BYTES = "multicast_exporter_capture_ring_bytes", Gauge, ["capture"], Exporter, Ring,
        "Memory of a capture's ring, which counts as neither anonymous nor heap memory.";
    COLLECTOR_SUCCESS = "multicast_scrape_collector_success", Gauge, ["collector"], Exporter, Nothing,
        "Whether a collector could collect all that it should, 1 or 0.";
    COLLECTOR_DURATION = "multicast_scrape_collector_duration_seconds", Gauge, ["collector"], Exporter, Nothing,
        "How long a collector took, its wait for the captures' locks included.";
    PROCESS_CPU = "process_cpu_seconds_total", Counter, [], Process, Nothing,
        "User and system CPU time spent, in seconds.";
    PROCESS_OPEN_FDS = "process_open_fds", Gauge, [], Process, Nothing,
        "Number of open file descriptors.";
    PROCESS_MAX_FDS = "process_max_fds", Gauge, [], Process, Nothing,
        "Maximum number of open file descriptors; absent if there is none.";
    PROCESS_VIRTUAL = "process_virtual_memory_bytes", Gauge, [], Process, Nothing,
        "Virtual memory size in bytes.";
    PROCESS_VIRTUAL_MAX = "process_virtual_memory_max_bytes", Gauge, [], Process, Nothing,
        "Maximum amount of virtual memory available in bytes; absent if there is none.";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Gauge, [], Process, Nothing,
        "Resident memory size in bytes.";
    PROCESS_ANONYMOUS = "process_resident_anonymous_memory_bytes", Gauge, [], Process, Nothing,
        "Resident anonymous memory in bytes: what the process itself has written, without rings and program text.";
    PROCESS_START = "process_start_time_seconds", Gauge, [], Process, Nothing,
        "Start time of the process since the Unix epoch in seconds.";
    PROCESS_THREADS = "process_threads", Gauge, [], Process, Nothing,
        "Number of threads in the process.";
    SYSCALLS = "multicast_host_syscalls_total", Counter, [], Syscalls, Nothing,
        "System calls entered on this host.";
    SYSCALLS_PER_SECOND = "multicast_host_syscalls_per_second", Gauge, [], Syscalls, Nothing,
        "The same per second, over the last whole 10 s window.";
    SYSCALLS_BY_CALL = "multicast_host_syscalls_by_call_total", Counter, ["call"], Syscalls, Nothing,
        "System calls by name; other: unknown numbers and calls of 32-bit processes.";
    PROCESS_SYSCALLS = "multicast_host_process_syscalls_total", Counter, ["process"], Syscalls, Nothing,
        "System calls by command name of the process; other: names without a place of their own, of which there are 64.";
    PROCESS_SYSCALLS_PER_SECOND = "multicast_host_process_syscalls_per_second", Gauge, ["process"], Syscalls, Nothing,
        "The same per second, over the last whole 10 s window.";
    SOCKETS = "multicast_host_sockets", Gauge, ["process", "port"], Sockets, Nothing,
        "UDP sockets on the ports 5353, 1900, 5355 and 3702, by command name of their owner; unknown where it cannot be told.";
    SOCKET_DROPS = "multicast_host_socket_drops_total", Counter, ["process", "port"], Sockets, Nothing,
        "Datagrams that the kernel threw away for these sockets, those closed since included.";
    SOCKET_RECEIVE_QUEUE = "multicast_host_socket_receive_queue_bytes", Gauge, ["process", "port"], Sockets, Nothing,
        "What waits in the queues of these sockets, as the kernel accounts for it.";
    CAPTURE_UP = "multicast_capture_up", Gauge, ["capture"], Captures, Frames,
        "Whether a kernel interface is being captured, 1 or 0.";
    CAPTURE_DROPPED = "multicast_capture_dropped_total", Counter, ["capture"], Captures, Drops,
        "Frames that the kernel dropped before they were read, of all VLANs.";
    CAPTURE_INFO = "multicast_capture_info", Gauge, ["capture", "backend", "vlan", "direction", "drops", "bytes"], Captures, Frames,
        "Constant 1; what a capture's backend can tell: yes, no or estimated.";
    SEGMENT_INFO = "multicast_segment_info", Gauge, ["interface", "capture", "vlan"], Segments, Frames,
        "Constant 1; on which captured kernel interface, and in which VLAN, a segment is heard.";
    LAN_INFO = "multicast_lan_info", Gauge, ["interface", "lan"], Segments, Frames,
        "Constant 1; which LAN a segment is, so that two exporters on one LAN make one incident; only segments that --lan names.";
    PACKETS = "multicast_interface_packets_total", Counter, ["interface", "protocol"], Segments, Frames,
        "Multicast and broadcast frames seen, and unicast mDNS.";
    BYTES = "multicast_interface_bytes_total", Counter, ["interface", "protocol"], Segments, Frames,
        "Length of these frames on the wire; estimated by the socket backend.";
    PER_SECOND = "multicast_interface_packets_per_second", Histogram, ["interface"], Segments, Frames,
        "How many signalling and address frames (all but other_multicast and unicast) each whole second held, silent seconds included.";
    CONVERTED = "multicast_interface_converted_packets_total", Counter, ["interface"], Segments, LinkLayer,
        "Multicast IP in unicast frames to this host, as Wi-Fi access points send it.";
    UNJUDGED = "multicast_interface_unjudged_packets_total", Counter, ["interface"], Segments, Frames,
        "Frames that were counted but not read to the end, to keep up: their kind is what the header says, and causes rest on the others.";
    DECODE_ERRORS = "multicast_interface_decode_errors_total", Counter, ["interface", "protocol", "reason"], Segments, Frames,
        "Frames in which something was wrong or missing, by what it was.";
    DEVICES = "multicast_interface_devices", Gauge, ["interface"], Segments, Frames,
        "Devices being tracked.";
    EVICTED = "multicast_interface_devices_evicted_total", Counter, ["interface", "reason"], Segments, Frames,
        "Devices forgotten because they were silent too long (expired) or newcomers took their place (capacity).";
    SUSPENDED = "multicast_interface_detectors_suspended_total", Counter, ["interface"], Segments, Frames,
        "Times that rules which rest on silence were suspended: after a start, kernel drops or a step of the clock.";
    QUERIER_LAST_QUERY = "multicast_querier_last_query_timestamp_seconds", Gauge, ["interface", "family"], Segments, Membership,
        "When the last IGMP (ipv4) or MLD (ipv6) general query was heard, since the Unix epoch in seconds; absent until the first.";
    QUERIER_INTERVAL = "multicast_querier_interval_seconds", Gauge, ["interface", "family"], Segments, Membership,
        "Interval between general queries, as the last one states, else as measured; absent until it is known.";
    QUERIERS = "multicast_queriers", Gauge, ["interface", "family"], Segments, Membership,
        "Addresses from which general queries come, within the time for which each is believed in; 0.0.0.0 is none, more than 16 are 16.";
    QUERIER_INFO = "multicast_querier_info", Gauge, ["interface", "family", "address", "version"], Segments, Membership,
        "Constant 1; who sends general queries, within the time for which each is believed in; at most 16 of a family.";
    GROUPS = "multicast_groups", Gauge, ["interface", "family"], Segments, Membership,
        "Groups with a member reported in the last 260 s, this machine's own included; few behind a switch that snoops.";
    REFLECTED = "multicast_interface_reflected_packets_total", Counter, ["interface"], Segments, LinkLayer,
        "Payloads that were heard again from another MAC.";
    COPIED = "multicast_interface_copied_packets_total", Counter, ["interface"], Segments, LinkLayer,
        "Frames that are there a second time because of where we listen: behind a mirror port, or on an access point. They are counted nowhere else.";
    STORM_ACTIVE = "multicast_interface_storm_active", Gauge, ["interface"], Storms, Frames,
        "Whether the segment as a whole is in a storm, 1 or 0.";
    STORM_CAUSE = "multicast_interface_storm_cause", Gauge, ["interface", "cause"], Storms, Frames,
        "Constant 1 while the segment as a whole is in a storm; why.";
    STORM_FIRST_FRAME = "multicast_interface_storm_first_frame_timestamp_seconds", Gauge, ["interface"], Storms, Frames,
        "Since when the storm of the segment as a whole has been going on, since the Unix epoch in seconds: the first second since which no 10 s held fewer frames than a fifth of the limit; only while it lasts.";
    STORM_INFO = "multicast_interface_storm_info", Gauge, ["interface", "id"], Storms, Frames,
        "Constant 1 while the segment as a whole is in a storm: what that is called in the API and on disk.";
    STORM_DURATION = "multicast_interface_storm_duration_seconds", Gauge, ["interface"], Storms, Frames,
        "How long the storm of the segment as a whole has lasted or, for 5 min after its end, did last; a storm too short for two scrapes is known by it.";
    STORM_PACKETS = "multicast_interface_storm_packets", Gauge, ["interface"], Storms, Frames,
        "Frames of that storm, all senders together.";
    STORMS = "multicast_interface_storms_total", Counter, ["interface", "level", "cause"], Storms, Frames,
        "Storms of devices that have ended, by their final level and cause; causes that the backend can see.";
    DEVICE_STORM_ACTIVE = "multicast_device_storm_active", Gauge, ["interface", "device", "level"], Storms, Frames,
        "Whether a device is in a storm of that level, 1 or 0; both levels from its first storm on.";
    DEVICE_STORM_CAUSE = "multicast_device_storm_cause", Gauge, ["interface", "device", "cause"], Storms, Frames,
        "Constant 1 while a device is in a storm; its main cause.";
    DEVICE_STORM_START = "multicast_device_storm_start_timestamp_seconds", Gauge, ["interface", "device"], Storms, Frames,
        "When the storm that a device is in was detected, since the Unix epoch in seconds; only while it lasts.";
    DEVICE_STORM_FIRST_FRAME = "multicast_device_storm_first_frame_timestamp_seconds", Gauge, ["interface", "device"], Storms, Frames,
        "Since when the storm that a device is in has been going on, since the Unix epoch in seconds: the first second since which no 10 s held fewer frames than a fifth of the limit; only while it lasts.";
    DEVICE_STORM_INFO = "multicast_device_storm_info", Gauge, ["interface", "device", "id", "asker", "detail"], Storms, Frames,
        "Constant 1 while a device is in a storm: what that is called in the API and on disk, who asks if the device does nothing but answer, and the name, address or destination that it is about; changes at most once a minute.";
    DEVICE_STORM_DURATION = "multicast_device_storm_duration_seconds", Gauge, ["interface", "device", "level"], Storms, Frames,
        "How long the storm that a device is in has been of that level or, for 5 min after its end, was; both levels.";
    DEVICE_STORM_PACKETS = "multicast_device_storm_packets", Gauge, ["interface", "device"], Storms, Frames,
        "Frames that the device sent in that storm, of the class that it belongs to.";
    DEVICE_STORMS = "multicast_device_storms_total", Counter, ["interface", "device", "level"], Storms, Frames,
        "Storms of a device that have begun or risen to that level; both levels from its first storm on.";
    CONDITIONS = "multicast_interface_conditions_total", Counter, ["interface", "condition"], Conditions, Frames,
        "Conditions of devices that have begun: what is wrong at any rate; those that the backend can see.";
    DEVICE_CONDITION_ACTIVE = "multicast_device_condition_active", Gauge, ["interface", "device", "condition"], Conditions, Frames,
        "Whether a device has a condition, 1 or 0; from its first one of that kind on.";
    DEVICE_CONDITION_INFO = "multicast_device_condition_info", Gauge, ["interface", "device", "condition", "other", "role", "detail"], Conditions, Frames,
        "Constant 1 while a condition lasts: the other party, what the device does (probes or defends), the name or address; changes at most once a minute.";
    VIOLATIONS = "mdns_interface_violations_total", Counter, ["interface", "rule"], Mdns, Frames,
        "Messages that broke a rule of RFC 6762 or of another discovery protocol; rules that the backend can see.";
    DEVICE_VIOLATIONS = "mdns_device_violations_total", Counter, ["interface", "device", "rule"], Mdns, Frames,
        "Messages of a device that broke a rule; only rules that it has broken.";
    MDNS_MESSAGES = "mdns_device_messages_total", Counter, ["interface", "device", "kind"], Mdns, Frames,
        "mDNS messages sent by a device; each is exactly one kind.";
    MDNS_RECORDS = "mdns_device_records_total", Counter, ["interface", "device", "section"], Mdns, Frames,
        "Entries decoded in a device's mDNS messages, by section.";
    MDNS_SERVICES = "mdns_services", Gauge, ["interface", "service"], Mdns, Frames,
        "Live instances of a type of service, by TTL; types beyond 64 are other. Stands still at 8,192 instances a segment.";
    MDNS_WANTED = "mdns_services_wanted", Gauge, ["interface", "service"], Mdns, Frames,
        "Devices that asked in the last 10 min for a type of service of which no instance is known here; types beyond 64 are other.";
    MDNS_RESPONSE_DELAY = "mdns_response_delay_seconds", Histogram, ["interface"], Mdns, Frames,
        "From a multicast question for a record that somebody has to its first multicast answer, up to 2 s.";
    MDNS_UNANSWERED = "mdns_questions_unanswered_total", Counter, ["interface"], Mdns, Frames,
        "Multicast questions for a record that somebody has, by its TTL, that nobody answered within 3 s; at most one a name and minute.";
    DEVICE_PACKETS = "multicast_device_packets_total", Counter, ["interface", "device", "protocol"], Devices, Frames,
        "Frames sent by a device; only protocols that it has used.";
    DEVICE_BYTES = "multicast_device_bytes_total", Counter, ["interface", "device", "protocol"], Devices, Frames,
        "Length of these frames on the wire; estimated by the socket backend.";
    DEVICE_PROVOKED = "multicast_device_provoked_packets_total", Counter, ["interface", "device"], Devices, Frames,
        "What other devices must send because a device asks too fast (rule query_interval), passes it back or withdraws it, again and again; from the first on.";
    DEVICE_PEAK = "multicast_device_peak_packets_per_second", Gauge, ["interface", "device"], Devices, Frames,
        "A device's busiest whole second of the last 60 s: signalling and address frames (all but other_multicast and unicast).";
    DEVICE_LAST_SEEN = "multicast_device_last_seen_timestamp_seconds", Gauge, ["interface", "device"], Devices, Frames,
        "When a device was last heard, since the Unix epoch in seconds.";
    DEVICE_INFO = "multicast_device_info", Gauge, ["interface", "device", "address", "name", "vendor", "model", "category", "local"], Devices, Frames,
        "Constant 1; what is known of a device, empty where it is not. local: sent by this machine.";
}
