"""Whether the exporter sees all, and what it costs."""

from panel import NONE, RATE, YES_NO, panel
from promql import nameless

BUILD = "version, revision, branch, rustversion, target"
# An exporter that is down has only `up`, and so has one that never came up: a job that has exporters
# has no other targets.
KNOWN = "on (job) group by (job) (last_over_time(multicast_exporter_build_info{@HOST}[@VIEW]))"
UP = f"up{{@HOST}} and {KNOWN}"

EXPORTER_PANELS = [
    "At a glance",
    panel("stat", "Exporters down", "short", 4,
          "Exporters that cannot be scraped now.",
          ("exporters", f"count({UP}) - sum({UP})"), red=1, maps=NONE,
          empty="no exporter in this time"),
    panel("stat", "Captures down", "short", 4,
          "Kernel interfaces that should be captured and are not.",
          ("captures", "count(multicast_capture_up{@HOST}) - sum(multicast_capture_up{@HOST})"),
          red=1, maps=NONE, empty="nothing is captured"),
    panel("stat", "Captures up", "short", 4, "Kernel interfaces that are being captured.",
          ("captures", "sum(multicast_capture_up{@HOST})"), empty="nothing is captured"),
    panel("stat", "Frames dropped", "short", 4,
          "Frames that the kernel dropped before they were read, in the time shown. Not every "
          "backend knows.",
          ("frames", "sum(round(increase(multicast_capture_dropped_total{@HOST}[@VIEW])))"), red=1,
          maps=NONE, empty="not measured"),
    panel("stat", "Collectors that fail", "short", 4,
          "Parts of the scrape that could not collect all that they should.",
          ("collectors", "count(multicast_scrape_collector_success{@HOST})"
                         " - sum(multicast_scrape_collector_success{@HOST})"), red=1, maps=NONE),
    panel("stat", "Configuration", "short", 4,
          "Whether the configuration file could be used when it was read last, of the worst "
          "exporter; `no file` where there is none to read.",
          ("configuration", "min(multicast_exporter_config_last_reload_successful{@HOST}"
                            f" or ignoring ({BUILD}) 2 * multicast_exporter_build_info{{@HOST}})"),
          maps={"0": ("failed", "red"), "1": ("in use", "green"), "2": ("no file", "green")}),
    "What runs, and how",
    panel("table", "Exporters", "string", 24,
          "Version, how system calls are counted and why no better way runs, how the owners of "
          "sockets are found.",
          ("running since", "1000 * process_start_time_seconds{@HOST}"
                            f" * ignoring ({BUILD}) group_right ()"
                            " group without (revision, branch, rustversion, target)"
                            " (multicast_exporter_build_info{@HOST})"),
          ("calls", nameless("multicast_exporter_syscalls_info{@HOST}")),
          ("owners", nameless("multicast_exporter_sockets_info{@HOST}")),
          units={"running since": "dateTimeFromNow"}, hidden=["calls", "owners"], height=5,
          order=["instance", "version", "backend", "reason", "owners"],
          names={"backend": "system calls by", "owners": "owners of sockets by",
                 "reason": "no better way because"}),
    panel("table", "Captures", "string", 24,
          "How each kernel interface is captured, and what that can tell: VLAN tags, direction, "
          "drops, bytes.",
          ("up", "multicast_capture_up{@HOST} * ignoring (backend, vlan, direction, drops, bytes)"
                 " group_left (backend, vlan, direction, drops, bytes)"
                 " multicast_capture_info{@HOST} or multicast_capture_up{@HOST} == 0"),
          maps={"up": YES_NO}, height=6, order=["instance", "capture"],
          empty="Nothing is captured"),
    "Capture",
    panel("state-timeline", "Captures over time", "short", 12, "Whether an interface is being captured.",
          ("{{capture}} of {{instance}} {{site}}", "multicast_capture_up{@HOST}"),
          maps=YES_NO, height=6, empty="Nothing is captured"),
    panel("timeseries", "Frames dropped over time", RATE, 12,
          "Frames a second that the kernel dropped before they were read; the 8 captures with "
          "most in the time shown. A larger --capture.ring-size helps against bursts.",
          ("{{capture}} of {{instance}} {{site}}",
           "rate(multicast_capture_dropped_total{@HOST}[@RATE]) and topk(8,"
           " increase(multicast_capture_dropped_total{@HOST}[@VIEW] @ end()) > 0)"),
          height=6, legend="below", empty="None in this time, or not measured"),
    panel("timeseries", "Frames in which something was wrong", RATE, 12,
          "Decode errors a second by protocol and reason; the 8 with most in the time shown.",
          ("{{protocol}}: {{reason}}",
           "sum by (protocol, reason) (rate(multicast_interface_decode_errors_total{@HOST}[@RATE]))"
           " and topk(8, sum by (protocol, reason)"
           " (increase(multicast_interface_decode_errors_total{@HOST}[@VIEW] @ end())) > 0)"),
          empty="None in this time"),
    panel("timeseries", "Frames counted", RATE, 12,
          "Frames a second that were decoded, streams included.",
          ("{{instance}} {{site}}",
           "sum without (interface, protocol, lan, segment)"
           " (interface_protocol:multicast_packets:rate1m{@HOST})"), legend="below"),
    "Tables",
    panel("timeseries", "Devices", "short", 12,
          "Devices that are told apart, of --devices.max (2,000 unless set).",
          ("{{instance}} {{site}}",
           "sum without (interface) (multicast_interface_devices{@HOST})"), legend="below"),
    panel("timeseries", "Devices forgotten", RATE, 12,
          "Devices a second that were silent too long (expired) or whose place newcomers took "
          "(capacity).",
          ("{{instance}} {{site}} {{reason}}",
           "sum without (interface)"
           " (rate(multicast_interface_devices_evicted_total{@HOST}[@RATE]))"
           " and sum without (interface)"
           " (increase(multicast_interface_devices_evicted_total{@HOST}[@VIEW] @ end())) > 0"),
          empty="None in this time"),
    "Scrapes",
    panel("timeseries", "Duration by collector", "s", 12,
          "How long each part of a scrape takes, in the slowest exporter.",
          ("{{collector}}",
           "max by (collector) (multicast_scrape_collector_duration_seconds{@HOST})"), stack=True),
    panel("state-timeline", "Collectors", "short", 12,
          "Whether each part of a scrape could collect all that it should, in every exporter.",
          ("{{collector}}", "min by (collector) (multicast_scrape_collector_success{@HOST})"),
          maps=YES_NO),
    "The process",
    panel("timeseries", "CPU", "percentunit", 12, "100% is one core.",
          ("{{instance}} {{site}}", "rate(process_cpu_seconds_total{@HOST}[@RATE])"
                                    " and ignoring (" + BUILD + ")"
                                    " multicast_exporter_build_info{@HOST}"), legend="below"),
    panel("timeseries", "Memory", "bytes", 12,
          "Resident memory, and what the process itself has written (anonymous), without rings "
          "and program text.",
          ("{{instance}} {{site}} resident", "process_resident_memory_bytes{@HOST}"
           " and ignoring (" + BUILD + ") multicast_exporter_build_info{@HOST}"),
          ("{{instance}} {{site}} anonymous",
           "process_resident_anonymous_memory_bytes{@HOST}"), legend="names"),
    panel("timeseries", "Files open", "short", 12, "Open file descriptors, sockets included.",
          ("{{instance}} {{site}}", "process_open_fds{@HOST} and ignoring (" + BUILD + ")"
                                    " multicast_exporter_build_info{@HOST}"), legend="below"),
    panel("timeseries", "Steps of the clock", "short", 12,
          "Steps of the wall clock that were noticed since the start; times of storms are unsure "
          "around them.",
          ("{{instance}} {{site}}",
           "increase(multicast_exporter_clock_steps_total{@HOST}[@RATE]) and"
           " increase(multicast_exporter_clock_steps_total{@HOST}[@VIEW] @ end()) > 0"),
          empty="None in this time"),
]
