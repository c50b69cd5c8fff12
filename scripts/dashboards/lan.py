"""All segments: how much, who sends it, storms."""

from panel import (ALERTS_NOW, COUNT_STATES, NONE, RATE, SEGMENT_STATES, STORM_LEVELS, panel)
from promql import NAMES, named, once, segment

SIGNALLING = "device:multicast_signalling_packets:rate1m{@LAN}"
STREAMS = "device:multicast_stream_packets:rate1m{@LAN}"
STORMS = "device_cause:multicast_storm_level:max{@LAN}"
TOP_SIGNALLING = "device:multicast_signalling_packets:topk10_rate1m{@LAN}"
TOP_STREAMS = "device:multicast_stream_packets:topk10_rate1m{@LAN}"
PEAK = segment("multicast_device_peak_packets_per_second{@RAW}", "device")
CONDITION = ["condition", "other", "role", "detail"]


def longest(series, count, *more):
    """The lines of those that had most in the time that is shown, not of those that have most at
    each moment: these are many more. Who they are and their names is looked up once, not at each
    point: Prometheus keeps the result of what is all ` @ end()`."""
    most = f"topk({count}, {once(f'sum_over_time({series}[@VIEW] @ end())')})"
    chosen = named(f"1 + 0 * {most}", *more, at=" @ end()")
    return f"{once(series)} * ignoring ({NAMES}) group_left ({NAMES}) {chosen}"


def of_storm(promql):
    """What is said of a device, for each of its storms now."""
    return named(f"0 * {STORMS} + ignoring (cause, lan, segment) group_left () {promql}", "cause")


STORM_COLUMNS = [
    ("level", named(f"topk(20, {STORMS})", "cause")),
    ("signalling/s", named(f"0 * {STORMS} + ignoring (cause) group_left () {SIGNALLING}", "cause")),
    ("busiest second", of_storm("multicast_device_peak_packets_per_second{@RAW}")),
    ("since", of_storm("1000 * multicast_device_storm_first_frame_timestamp_seconds{@RAW}")),
]
STORM_UNITS = {"signalling/s": RATE, "busiest second": RATE, "since": "dateTimeFromNow"}
BUSIEST = f"topk(20, {once(SIGNALLING + ' > 0')})"

LAN_PANELS = [
    "At a glance",
    panel("stat", "Storms now", "short", 3,
          "Storms of devices, of either level, and of whole segments that last at this moment.",
          ("storms", f"sum({once('interface:multicast_storms:count{@LAN}')})"),
          maps=COUNT_STATES, red=1),
    ALERTS_NOW,
    panel("stat", "Signalling", RATE, 3,
          "Frames a second that count for storms: all multicast and broadcast but streams.",
          ("signalling", f"sum({once('interface:multicast_signalling_packets:rate1m{@LAN}')})")),
    panel("stat", "Streams", RATE, 3,
          "Frames a second of streams: television, audio, time, routing. Thousands are harmless.",
          ("streams", f"sum({once('interface:multicast_stream_packets:rate1m{@LAN}')})"),
          empty="none"),
    panel("stat", "Devices", "short", 3, "Devices that are being tracked, on all segments.",
          ("devices", f"sum({once('interface:multicast_devices:max{@LAN}')})")),
    panel("stat", "Segments", "short", 3,
          "Broadcast domains that are heard; several exporters on one LAN (--lan) hear one.",
          ("segments", f"count({once('interface:multicast_segment:info{@LAN}')})")),
    panel("stat", "Storms ended", "short", 3,
          "Storms of devices that ended in the time shown, by the segments' counters.",
          ("storms", "sum(" + once("sum without (level, cause) ("
                                   + segment("round(increase(multicast_interface_storms_total{@RAW}"
                                             "[@VIEW]))", "level", "cause") + ")") + ")"),
          maps=NONE),
    panel("stat", "Frames not seen", "short", 3,
          "Frames that the kernel dropped before the exporter read them, in the time shown: all "
          "other numbers are too low by them. Not every backend knows.",
          ("frames", "sum(round(increase(multicast_capture_dropped_total{@HOST}[@VIEW])))"),
          red=1, maps=NONE, empty="not measured"),
    "Storms",
    panel("table", "Storms now", "string", 24,
          "Devices that are in a storm now, the 20 fastest: what they do wrong, how fast they send, "
          "and since when. A click leads to the device.",
          *STORM_COLUMNS, units=STORM_UNITS,
          maps={"level": STORM_LEVELS}, sort="signalling/s", height=4, empty="No storm now"),
    panel("timeseries", "Busiest devices over time", RATE, 15,
          "Signalling of the 8 devices that sent most of it in the time shown. `other` is all "
          "senders without a row of their own.",
          ("{{device_name}} {{site}}", longest(TOP_SIGNALLING, 8)),
          empty="Nobody sent anything"),
    panel("state-timeline", "Storms over time", "short", 9,
          "When a device was in a storm and by which cause, the 20 that were longest; orange is "
          "chatty. A cause that becomes clearer begins a new line.",
          ("{{device_name}}: {{cause}}", longest(STORMS, 20, "cause")),
          maps=STORM_LEVELS, empty="No storm in this time"),
    panel("table", "Conditions now", "string", 16,
          "What is wrong at any rate: names that are fought over, devices that rename themselves, "
          "addresses that are asked for again and again. The 20 first.",
          ("condition", "topk(20, " + named(segment(
              "multicast_device_condition_info{@RAW}", "device", *CONDITION), *CONDITION) + ")"),
          hidden=["condition"], height=5, empty="None"),
    panel("table", "Storms ended, by cause", "string", 8,
          "Storms of devices that ended in the time shown, by their final cause; the 10 most "
          "frequent.",
          ("storms", "topk(10, sum by (level, cause) (" + once(
              segment("round(increase(multicast_interface_storms_total{@RAW}[@VIEW]))",
                      "level", "cause")) + ") > 0)"),
          units={"storms": "short"}, sort="storms", height=5, empty="None in this time"),
    "Segments",
    panel("table", "Segments", "string", 12,
          "The 50 segments with most signalling: the worst that goes on there, frames a second, "
          "streams apart, and devices.",
          ("state", once("interface:multicast_storm_level:max{@LAN}")),
          ("signalling/s", "topk(50, " + once("interface:multicast_signalling_packets:rate1m{@LAN}")
           + ")"),
          ("streams/s", once("interface:multicast_stream_packets:rate1m{@LAN}")),
          ("devices", once("interface:multicast_devices:max{@LAN}")),
          units={"signalling/s": RATE, "streams/s": RATE, "devices": "short"},
          maps={"state": SEGMENT_STATES}, sort="signalling/s"),
    panel("heatmap", "Frames in each second", "short", 12,
          "How many signalling and address frames each second held: shows bursts that a mean hides. "
          "The colour is the share of seconds, the height the frames in them.",
          ("{{le}}", "sum by (le) (" + once(segment(
              "rate(multicast_interface_packets_per_second_bucket{@RAW}[@RATE])", "le")) + ")"),
          height=9),
    panel("timeseries", "Signalling by protocol", RATE, 12,
          "Frames a second by the protocol that they carry, without streams.",
          ("{{protocol}}",
           "sum by (protocol) (" + once(
               'interface_protocol:multicast_packets:rate1m{@LAN, protocol!="other_multicast"}')
           + ") and sum by (protocol) (sum_over_time("
           "interface_protocol:multicast_packets:rate1m{@LAN}[@VIEW] @ end())) > 0"), stack=True),
    panel("timeseries", "Signalling by segment", RATE, 12,
          "The 10 segments with most signalling in the time shown.",
          ("{{segment}} {{site}}",
           once("interface:multicast_signalling_packets:rate1m{@LAN}") + " and topk(10, "
           + once("sum_over_time(interface:multicast_signalling_packets:rate1m{@LAN}"
                  "[@VIEW] @ end())") + ")"), legend="below"),
    "Devices",
    panel("table", "Busiest devices", "string", 16,
          "The 20 devices with most signalling: frames a second, and the busiest second of the "
          "last minute. A click on a device leads to its page.",
          ("signalling/s", named(BUSIEST)),
          ("busiest second", named(f"{once(PEAK)} and {BUSIEST}")),
          units={"signalling/s": RATE, "busiest second": RATE}, sort="signalling/s"),
    panel("timeseries", "Signalling by category", RATE, 8,
          "Frames a second by what the senders are: printers, phones, hubs and so on.",
          ("{{category}}", "sum by (category) ("
           + once("interface_category:multicast_signalling_packets:rate1m{@LAN}") + ")"),
          stack=True, height=9, legend="names"),
    "Streams",
    panel("table", "Streams", "string", 12,
          "The 20 devices that send most frames of streams. A stream needs a switch that snoops, "
          "or every port carries it; it is no storm.",
          ("streams/s", f"topk(20, {named(STREAMS)})"),
          units={"streams/s": RATE}, sort="streams/s", height=7, empty="None"),
    panel("timeseries", "Streams over time", RATE, 12,
          "Frames a second of the 8 devices that sent most of them in the time shown.",
          ("{{device_name}} {{site}}", longest(TOP_STREAMS, 8)),
          height=7, legend="below", empty="None in this time"),
    "Queriers and groups",
    panel("table", "Queriers", "string", 12,
          "Who sends IGMP (ipv4) and MLD (ipv6) general queries. Without one, switches that snoop "
          "stop passing multicast on after minutes; two for long are a conflict. The 50 first.",
          ("querier", "topk(50, " + once(segment("multicast_querier_info{@RAW}",
                                                 "family", "address", "version")) + ")"),
          hidden=["querier"], height=7, empty="No querier is heard"),
    panel("timeseries", "Groups", "short", 12,
          "Groups with a member, as far as a port hears reports: few behind a switch that snoops. "
          "The 10 segments with most in the time shown.",
          ("{{segment}} {{site}} {{family}}",
           once(segment("multicast_groups{@RAW}", "family")) + " and topk(10, "
           + once(segment("max_over_time(multicast_groups{@RAW}[@VIEW] @ end())", "family")) + ")"),
          height=7, legend="names", empty="Not measured"),
]
