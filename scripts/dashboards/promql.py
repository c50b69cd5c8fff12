"""The words that the dashboards' queries are made of.

Placeholders in PromQL:

@SITE     the sites that are chosen
@HOST     these and the exporters that are chosen
@RAW      these and the segments that are chosen, of what the exporter itself says
@LAN      the same and the LANs that are chosen, of what recording rules say: they know LANs
@DEVICE   @RAW and the device that is chosen; @LANDEVICE: of recording rules
@PROCESS  the exporters and the processes that are chosen
@RATE     the range of rates
@VIEW     the time that is shown, for numbers that sum it up
"""

SITE = 'site=~"$site"'
HOST = SITE + ', job=~"$job", instance=~"$instance"'
RAW = HOST + ', interface=~"$interface"'
LAN = RAW + ', lan=~"$lan"'
DEVICE = 'device="$device"'
# The labels that a device's name brings.
NAMES = "device_name, category"

# Longer words first: @LANDEVICE begins with another.
WORDS = {
    "@LANDEVICE": f"{LAN}, {DEVICE}",
    "@DEVICE": f"{RAW}, {DEVICE}",
    "@PROCESS": HOST + ', process=~"$process"',
    "@HOST": HOST,
    "@SITE": SITE,
    "@RAW": RAW,
    "@LAN": LAN,
    "@RATE": "$__rate_interval",
    "@VIEW": "$__range",
}


def expand(promql):
    """PromQL with the words replaced; what they mean contains none."""
    for word, meaning in WORDS.items():
        promql = promql.replace(word, meaning)
    return promql


def segment(promql, *own):
    """What the exporter says, with its LAN and segment, of the LANs that are chosen; own: its labels
    beside those of a segment. `ignoring`, not `on`: labels that others add keep two sites apart."""
    ignored = ", ".join([*own, "lan", "segment"])
    return (f"{promql} * ignoring ({ignored}) group_left (lan, segment)"
            " interface:multicast_segment:info{@LAN}")


def nameless(promql):
    """Without the metric's name, which would keep the columns of a table in rows of their own."""
    return f"max without () ({promql})"


def once(promql):
    """What several exporters hear on one LAN, counted once."""
    return f"max without (job, instance, interface) ({promql})"


def named(promql, *more, at=""):
    """Devices, each heard once, with their names and categories: those at the end of the time that is
    shown if at is ` @ end()`, or a graph would read all names at each of its points. Two exporters
    that call a device differently are asked only once. Without a name it is called by its MAC.
    more: the labels of promql beside a device's."""
    known = f"device:multicast_device:info{{@LAN}}{at}"
    names = once(f"topk without (job, instance, interface, {NAMES}) (1, {known})")
    heard = once(promql)
    ignored = ", ".join([NAMES, *more])
    return (f"({heard} * ignoring ({ignored}) group_left ({NAMES}) {names}"
            f' or ignoring ({NAMES}) label_replace({heard}, "device_name", "$1", "device", "(.+)"))')
