"""Whether discovery works, and who breaks its rules."""

from panel import NONE, RATE, panel
from promql import named, once, segment

VIOLATIONS = segment("rate(mdns_interface_violations_total{@RAW}[@RATE])", "rule")


def by_segment(family, own=()):
    return once(segment(f"{family}{{@RAW}}", *own))


def most(now, in_view, count, label):
    """The lines of those that had most in the time that is shown."""
    return f"sum by ({label}) ({now}) and topk({count}, sum by ({label}) ({in_view}) > 0)"


def happened(family):
    """A second, all segments together; nothing if it did not happen in the time that is shown."""
    return ("sum(" + once(segment(f"rate({family}{{@RAW}}[@RATE])"))
            + f") and sum(increase({family}{{@RAW}}[@VIEW] @ end())) > 0")


MDNS_PANELS = [
    "At a glance",
    panel("stat", "Services", "short", 4, "Live instances of services, by TTL.",
          ("services", f"sum({by_segment('mdns_services', ['service'])})"), empty="none"),
    panel("stat", "mDNS packets", RATE, 4, "Multicast mDNS frames a second.",
          ("packets", "sum(" + once(
              'interface_protocol:multicast_packets:rate1m{protocol="mdns", @LAN}') + ")")),
    panel("stat", "Speakers", "short", 4, "Devices that sent mDNS in the last two and a half minutes.",
          ("devices", "sum(" + once("interface:mdns_speakers:count150s{@LAN}") + ")"), empty="none"),
    panel("stat", "Unanswered questions", "short", 4,
          "Questions in the time shown for a record that somebody has, that nobody answered "
          "within 3 s.",
          ("questions", "sum(" + once(segment(
              "round(increase(mdns_questions_unanswered_total{@RAW}[@VIEW]))")) + ")"), maps=NONE),
    panel("stat", "Devices that break rules", "short", 4,
          "Devices that broke a rule in the last minute or so, soft ones included.",
          ("devices", "count(" + once(segment(
              "(sum without (rule) (rate(mdns_device_violations_total{@RAW}[@RATE])) > 0)", "device"))
           + ") or 0 * count(multicast_interface_devices{@RAW})"), maps=NONE),
    panel("stat", "Segments with a querier", "short", 4,
          "IGMP (ipv4) and MLD (ipv6). Without one, switches that snoop stop passing discovery on "
          "after minutes.",
          ("{{family}}", "count by (family) (" + once(segment(
              "multicast_queriers{@RAW}", "family")) + " > 0)"),
          text="value_and_name", empty="none"),
    "Services",
    panel("table", "Types of service", "string", 8,
          "The 20 types with most live instances; types beyond 64 are `other`.",
          ("instances", f"topk(20, sum by (service) ({by_segment('mdns_services', ['service'])}))"),
          units={"instances": "short"}, sort="instances", empty="None"),
    panel("timeseries", "Services over time", "short", 10,
          "Live instances of the 8 most frequent types in the time shown: a fall is devices that "
          "left or were not heard.",
          ("{{service}}", most(by_segment("mdns_services", ["service"]), once(segment(
              "max_over_time(mdns_services{@RAW}[@VIEW] @ end())", "service")), 8, "service")),
          height=9, empty="None in this time"),
    panel("table", "Services that are missed", "string", 6,
          "Types that devices asked for in the last 10 min and of which no instance is known: they "
          "are on another network, or gone. The 20 with most askers.",
          ("askers", "topk(20, sum by (service) ("
           + by_segment("mdns_services_wanted", ["service"]) + "))"),
          units={"askers": "short"}, sort="askers", empty="None"),
    "Questions and answers",
    panel("heatmap", "Response delay", "s", 12,
          "From a question to its first multicast answer. 20 to 120 ms is what RFC 6762 asks of "
          "answers that several may give.",
          ("{{le}}", "sum by (le) (" + once(segment(
              "rate(mdns_response_delay_seconds_bucket{@RAW}[@RATE])", "le")) + ")")),
    panel("timeseries", "Answers, and slow ones", RATE, 12,
          "Questions a second that were answered, those for which it took more than 0.5 s, and those "
          "for a record that somebody has, that nobody answered within 3 s.",
          ("answered", "sum(" + once(segment(
              "rate(mdns_response_delay_seconds_count{@RAW}[@RATE])")) + ")"),
          ("slow", "sum(" + once(segment(
              "(rate(mdns_response_delay_seconds_count{@RAW}[@RATE]) - ignoring (le)"
              ' rate(mdns_response_delay_seconds_bucket{le="0.5", @RAW}[@RATE]))')) + ")"),
          ("unanswered", "sum(" + once(segment(
              "rate(mdns_questions_unanswered_total{@RAW}[@RATE])")) + ")")),
    panel("timeseries", "Messages by kind", RATE, 12,
          "mDNS messages a second of all devices. A healthy LAN has few announcements and "
          "goodbyes, and hardly any probes.",
          ("{{kind}}", "sum by (kind) (" + once("interface_kind:mdns_messages:rate150s{@LAN}")
           + ") and sum by (kind) (sum_over_time(interface_kind:mdns_messages:rate150s{@LAN}"
           "[@VIEW] @ end())) > 0"),
          stack=True, empty="None in this time"),
    panel("timeseries", "Copies, and rules suspended", RATE, 12,
          "Payloads a second that were heard again from another MAC (reflectors and loops), and how "
          "often rules that rest on silence were suspended.",
          ("copies", happened("multicast_interface_reflected_packets_total")),
          ("suspended", happened("multicast_interface_detectors_suspended_total")),
          empty="None in this time"),
    "Conformance",
    panel("timeseries", "Broken rules", RATE, 10,
          "Messages a second that broke a rule, the 8 that were broken most in the time shown; a "
          "message that broke two is in two lines.",
          ("{{rule}}", most(once(VIOLATIONS), once(segment(
              "increase(mdns_interface_violations_total{@RAW}[@VIEW] @ end())", "rule")), 8,
              "rule")), legend="below",
          empty="No rule was broken in this time"),
    panel("table", "Devices that break rules", "string", 14,
          "The 20 pairs of device and rule with most messages a second now. A click on a device "
          "leads to its page.",
          ("messages/s", "topk(20, " + named(segment(
              "(rate(mdns_device_violations_total{@RAW}[@RATE]) > 0)", "device", "rule"), "rule")
           + ")"),
          units={"messages/s": RATE}, sort="messages/s", height=8,
          empty="No rule is broken now"),
    "Queriers and groups",
    panel("table", "Queriers and groups by segment", "string", 12,
          "What holds multicast up behind switches that snoop: ipv4 is IGMP, ipv6 is MLD. Groups "
          "are those with a member reported here. The 50 segments with most groups.",
          ("groups", f"topk(50, {by_segment('multicast_groups', ['family'])})"),
          ("queriers", by_segment("multicast_queriers", ["family"])),
          units={"groups": "short", "queriers": "short"}, sort="groups",
          height=6, empty="Not measured"),
    panel("table", "Queriers", "string", 12, "Who sends general queries; the 50 first.",
          ("querier", "topk(50, " + by_segment("multicast_querier_info",
                                               ["family", "address", "version"]) + ")"),
          hidden=["querier"], height=6, empty="No querier is heard"),
]
