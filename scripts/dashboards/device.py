"""One device: who it is, its storms, what it sends."""

from panel import RATE, STORM_LEVELS, panel
from promql import once, segment

SIGNALLING = "device:multicast_signalling_packets:rate1m{@LANDEVICE}"
STORM = "device_cause:multicast_storm_level:max{@LANDEVICE}"
SINCE = "multicast_device_storm_first_frame_timestamp_seconds{@DEVICE}"


def of_device(promql, *own):
    """What the exporter says of the device, on the LANs that are chosen, counted once."""
    return once(segment(promql, "device", *own))


def sent(family, label):
    """A second, by a label; without what it has not sent in the time that is shown."""
    rate = of_device(f"rate({family}{{@DEVICE}}[@RATE])", label)
    shown = f"sum by ({label}) (increase({family}{{@DEVICE}}[@VIEW] @ end()))"
    return f"sum by ({label}) ({rate}) and {shown} > 0"


DEVICE_PANELS = [
    "${device:text}",
    panel("table", "Who it is", "string", 24,
          "What is known of the device, empty where it is not; a row for each segment on which it "
          "is heard. local: sent by the exporter's own machine.",
          ("info", of_device("multicast_device_info{@DEVICE}", "address", "name", "vendor", "model",
                             "category", "local")),
          ("last seen", "1000 * " + of_device(
              "multicast_device_last_seen_timestamp_seconds{@DEVICE}"
              " * ignoring (address, name, vendor, model, category, local)"
              " group_right () multicast_device_info{@DEVICE}",
              "address", "name", "vendor", "model", "category", "local")),
          units={"last seen": "dateTimeFromNow"}, hidden=["info"], height=3,
          order=["name", "address", "vendor", "model", "category", "local"],
          names={"device": "MAC"}, empty="This device is not heard"),
    panel("stat", "Storm", "dateTimeFromNow", 8,
          "Whether the device is in a storm now, of either level: its cause, and since when.",
          ("{{cause}}, since",
           f"1000 * (max without (job, instance, interface) (0 * {STORM} + ignoring (cause, lan,"
           f" segment) group_left () {SINCE}))"),
          ("now", f"0 * group(multicast_device_last_seen_timestamp_seconds{{@DEVICE}})"
                  f" unless on () {STORM}"),
          maps={"0": ("no storm", "green")}, red=1, text="value_and_name",
          empty="This device is not heard"),
    panel("stat", "Signalling", RATE, 4,
          "Frames a second that count for storms: all multicast and broadcast but streams.",
          ("signalling", f"sum({once(SIGNALLING)})")),
    panel("stat", "Share", "percentunit", 4,
          "The device's share of the signalling on its segments.",
          ("share", f"sum({once(SIGNALLING)}) / sum(max without (job, instance, interface)"
                    " (interface:multicast_signalling_packets:rate1m{@LAN}"
                    f" and ignoring (device) {SIGNALLING}))")),
    panel("stat", "Busiest second", RATE, 4,
          "Signalling and address frames in the busiest second of the last minute.",
          ("peak", "max(multicast_device_peak_packets_per_second{@DEVICE})")),
    panel("stat", "Streams", RATE, 4, "Frames a second of streams that it sends.",
          ("streams", "sum(" + once("device:multicast_stream_packets:rate1m{@LANDEVICE}") + ")"),
          empty="none"),
    "Its storms",
    panel("state-timeline", "Storms", "short", 12,
          "When the device was in a storm and by which cause; orange is chatty.",
          ("{{cause}}", "max by (cause) (device_cause:multicast_storm_level:max{@LANDEVICE})"),
          maps=STORM_LEVELS, height=6, empty="No storm in this time"),
    panel("state-timeline", "Conditions", "short", 12,
          "What is wrong with it at any rate; a condition lasts until ten minutes without evidence.",
          ("{{condition}}", "max by (condition) (multicast_device_condition_active{@DEVICE})"),
          maps={"0": ("no", "green"), "1": ("yes", "orange")}, height=6,
          empty="No condition in this time"),
    panel("table", "What it is about", "string", 24,
          "Of the storm and the conditions that last now: the name, address or destination, who "
          "asks, who the other party is, and whether the device probes or defends.",
          ("storm", of_device("multicast_device_storm_info{@DEVICE}", "id", "asker", "detail")),
          ("condition", of_device("multicast_device_condition_info{@DEVICE}", "condition", "other",
                                  "role", "detail")),
          hidden=["storm", "condition"], height=3, names={"id": "storm"},
          order=["detail", "asker", "other", "role", "id"], empty="No storm and no condition now"),
    "What it sends",
    panel("timeseries", "Signalling by protocol", RATE, 12,
          "Frames a second by protocol, without streams; those that it used in this time.",
          ("{{protocol}}", sent('multicast_device_packets_total', "protocol").replace(
              "{@DEVICE}", '{@DEVICE, protocol!="other_multicast"}')), stack=True),
    panel("timeseries", "Busiest second of the last minute", RATE, 12,
          "Signalling and address frames in it: shows bursts that a mean hides.",
          ("{{segment}} {{site}}",
           of_device("multicast_device_peak_packets_per_second{@DEVICE}")), legend="below"),
    panel("timeseries", "Bytes by protocol", "Bps", 12,
          "Length on the wire, streams included; protocols that it used in this time.",
          ("{{protocol}}", sent("multicast_device_bytes_total", "protocol")), stack=True),
    panel("timeseries", "Streams over time", RATE, 12, "Frames a second of streams.",
          ("{{segment}} {{site}}", once("device:multicast_stream_packets:rate1m{@LANDEVICE}")),
          legend="below",
          empty="None in this time"),
    "Its mDNS",
    panel("timeseries", "Messages by kind", RATE, 12,
          "mDNS messages a second; each is exactly one kind.",
          ("{{kind}}", sent("mdns_device_messages_total", "kind")), stack=True,
          empty="None in this time"),
    panel("timeseries", "Records by section", RATE, 12,
          "Questions and records a second in these messages.",
          ("{{section}}", sent("mdns_device_records_total", "section")), stack=True,
          empty="None in this time"),
    panel("timeseries", "Broken rules", RATE, 12,
          "Messages a second that broke a rule of RFC 6762 or of another discovery protocol; one "
          "that broke two is in two lines. docs/conformance.md says who breaks which by habit.",
          ("{{rule}}", sent("mdns_device_violations_total", "rule")),
          empty="No rule was broken in this time"),
    panel("timeseries", "Answers that it provokes", RATE, 12,
          "Answers a second of other devices to questions that this one repeats too fast.",
          ("{{segment}} {{site}}",
           of_device("rate(multicast_device_provoked_packets_total{@DEVICE}[@RATE])")),
          legend="below",
          empty="None in this time"),
]
