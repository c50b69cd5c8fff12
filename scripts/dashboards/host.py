"""What multicast costs the exporter's host, by process."""

from panel import NONE, RATE, panel
from promql import nameless

CALLS = "instance_process:multicast_host_process_syscalls:rate1m{@PROCESS}"
OWNED = ('ignoring (port) group without (port)'
         ' (multicast_host_sockets{port="5353", process!="unknown", @PROCESS})')
# With hardly any packets it is what the process does anyway. Alerts have the same limit.
BUSY = "ignoring (process) instance:mdns_packets:rate1m{@HOST} > 20"
RATIO = ("(instance_process:multicast_host_process_syscalls_per_mdns_packet:ratio_rate1m{@PROCESS}"
         f" and {OWNED} and {BUSY})")
TOP_CALLS = f"topk(20, {CALLS})"
NOT_MEASURED = "not measured"


def longest(promql, view, count):
    """The lines of those that had most in the time that is shown."""
    return f"{promql} and topk({count}, {view} > 0)"


HOST_PANELS = [
    "At a glance",
    panel("stat", "System calls", RATE, 4, "System calls a second on the chosen hosts.",
          ("calls", "sum(instance:multicast_host_syscalls:rate1m{@HOST})"), empty=NOT_MEASURED),
    panel("stat", "mDNS packets", RATE, 4, "mDNS frames a second that these hosts hear.",
          ("packets", "sum(instance:mdns_packets:rate1m{@HOST})")),
    panel("stat", "Calls per mDNS packet", "short", 4,
          "System calls for each mDNS packet, of the process with most among those that own a "
          "socket on port 5353, while over 20 packets come in a second; avahi makes 6.",
          ("{{process}}", f"topk(1, {RATIO})"), text="value_and_name",
          empty="hardly any packets"),
    panel("stat", "Sockets", "short", 4,
          "UDP sockets on the discovery ports: 5353, 1900, 5355, 3702.",
          ("sockets", "sum(multicast_host_sockets{@PROCESS})"), empty="none known"),
    panel("stat", "Datagrams lost", "short", 4,
          "Datagrams that the kernel threw away for these sockets in the time shown.",
          ("datagrams", "sum(round(increase(multicast_host_socket_drops_total{@PROCESS}[@VIEW])))"),
          red=1, maps=NONE, empty=NOT_MEASURED),
    panel("stat", "Waiting", "bytes", 4, "What waits in the queues of these sockets.",
          ("bytes", "sum(multicast_host_socket_receive_queue_bytes{@PROCESS})"),
          empty=NOT_MEASURED),
    "What multicast costs",
    panel("timeseries", "System calls by process", RATE, 12,
          "The 8 processes with most system calls in the time shown, by command name. Compare with "
          "the packets beside.",
          ("{{process}} on {{instance}} {{site}}", longest(
              CALLS, f"sum_over_time({CALLS}[@VIEW] @ end())", 8)), legend="names",
          empty="Not measured"),
    panel("timeseries", "mDNS packets over time", RATE, 12,
          "mDNS frames a second that the host hears: if a process rises and falls with them, it "
          "pays for them. The 8 hosts with most.",
          ("{{instance}} {{site}}", longest(
              "instance:mdns_packets:rate1m{@HOST}",
              "sum_over_time(instance:mdns_packets:rate1m{@HOST}[@VIEW] @ end())", 8)), legend="below"),
    panel("timeseries", "System calls for each mDNS packet", "short", 12,
          "Of processes that own a socket on port 5353, while over 20 packets come in a second. The 8 "
          "with most at each moment.",
          ("{{process}} on {{instance}} {{site}}", f"topk(8, {RATIO})"),
          empty="Hardly any packets, or no owner of such a socket is known", legend="below"),
    panel("timeseries", "System calls by call", RATE, 12,
          "Which system calls, all processes: the 8 with most in the time shown.",
          ("{{call}}",
           "sum by (call) (rate(multicast_host_syscalls_by_call_total{@HOST}[@RATE])) and topk(8, sum"
           " by (call) (increase(multicast_host_syscalls_by_call_total{@HOST}[@VIEW] @ end())) > 0)"),
          empty="Not measured"),
    panel("table", "Processes", "string", 24,
          "The 20 processes with most system calls a second. How many these are for each mDNS packet "
          "is said of those that own a socket on port 5353, while over 20 come in a second. `other` is all without a place of their "
          "own.",
          ("calls/s", nameless(TOP_CALLS)),
          ("calls per mDNS packet", nameless(RATIO)),
          units={"calls/s": RATE, "calls per mDNS packet": "short"}, sort="calls/s",
          order=["process"], empty="Not measured"),
    "Sockets on the discovery ports",
    panel("table", "Sockets", "string", 12,
          "Who owns sockets on the discovery ports; `unknown` where it cannot be told. The 50 "
          "with most that waits.",
          ("sockets", nameless("multicast_host_sockets{@PROCESS}")),
          ("waiting", nameless("topk(50, multicast_host_socket_receive_queue_bytes{@PROCESS})")),
          ("lost/s", "rate(multicast_host_socket_drops_total{@PROCESS}[@RATE])"),
          units={"waiting": "bytes", "lost/s": RATE, "sockets": "short"}, sort="waiting",
          order=["process", "port"], empty="None, or not measured"),
    panel("timeseries", "Waiting in queues", "bytes", 12,
          "What waits in the queues of these sockets, the 8 with most in the time shown. A queue "
          "that stays full belongs to a process that does not read.",
          ("{{process}}:{{port}} on {{instance}} {{site}}", longest(
              "multicast_host_socket_receive_queue_bytes{@PROCESS}",
              "max_over_time(multicast_host_socket_receive_queue_bytes{@PROCESS}[@VIEW] @ end())",
              8)), height=9, legend="below", empty="Nothing waited in this time, or not measured"),
    panel("timeseries", "Datagrams lost over time", RATE, 24,
          "Datagrams a second that the kernel threw away for these sockets; the 8 with most in the "
          "time shown.",
          ("{{process}}:{{port}} on {{instance}} {{site}}", longest(
              "rate(multicast_host_socket_drops_total{@PROCESS}[@RATE])",
              "increase(multicast_host_socket_drops_total{@PROCESS}[@VIEW] @ end())", 8)),
          height=6, empty="None in this time, or not measured"),
]
