"""Many LANs: storms now, the worst segments, exporters that see nothing."""

from exporter import KNOWN, UP
from lan import STORM_COLUMNS, STORM_UNITS
from panel import (ALERTS_NOW, COUNT_STATES, NONE, RATE, SEGMENT_STATES, STORM_LEVELS, YES_NO,
                   panel)
from promql import nameless, once

# An exporter is blind if it is up and no capture is, or if it has heard no other machine for 15 min.
CAPTURES = "max without (capture) (multicast_capture_up{@HOST}) == 1"
SILENT = ("time() - max without (interface)"
          " (interface:multicast_foreign_last_seen_timestamp_seconds:max{@HOST}) > 900")
BLIND = f"((({UP}) == 1 unless ({CAPTURES})) or ({SILENT}))"
EVER_UP = ("avg_over_time(up{@HOST}[@VIEW] @ end()) and "
           + KNOWN.replace("[@VIEW]", "[@VIEW] @ end()"))


def called(promql):
    """Lines need a name, also where there is one site alone and no label says so."""
    return f'label_replace({promql}, "site", "no label site", "site", "")'


SITES_PANELS = [
    "At a glance",
    panel("stat", "Sites", "short", 3,
          "Sites that exporters report from: those with different values of the label `site` or of "
          "another that is added where they are scraped.",
          ("sites", "count(site:multicast_segments:count{@SITE})")),
    panel("stat", "Segments", "short", 3,
          "Broadcast domains that are heard; several exporters on one LAN (--lan) hear one.",
          ("segments", "sum(site:multicast_segments:count{@SITE})")),
    panel("stat", "Devices", "short", 3, "Devices that are being tracked.",
          ("devices", "sum(site:multicast_devices:sum{@SITE})")),
    panel("stat", "Storms now", "short", 3,
          "Storms of devices, of either level, and of whole segments that last at this moment.",
          ("storms", "sum(site:multicast_storms:count{@SITE})"), red=1, maps=COUNT_STATES),
    ALERTS_NOW,
    panel("stat", "Exporters up", "short", 3, "Exporters that can be scraped.",
          ("exporters", f"sum({UP})"), empty="none"),
    panel("stat", "Exporters down", "short", 3,
          "Exporters that cannot be scraped now.",
          ("exporters", f"count({UP}) - sum({UP})"), red=1, maps=NONE, empty="none"),
    panel("stat", "Blind exporters", "short", 3,
          "Exporters that can be scraped and see nothing: no capture is up, or no other machine was heard "
          "for 15 min.",
          ("exporters", f"count({BLIND}) or 0 * count(multicast_exporter_build_info{{@HOST}})"),
          red=1, maps=NONE, empty="none"),
    "Sites",
    panel("table", "Sites", "string", 14,
          "The worst that goes on at each site, and how much. A click on a site leads to its LANs.",
          ("state", nameless("site:multicast_storm_level:max{@SITE}")),
          ("storms", nameless("site:multicast_storms:count{@SITE}")),
          ("signalling/s", nameless("site:multicast_signalling_packets:rate1m{@SITE}")),
          ("streams/s", nameless("site:multicast_stream_packets:rate1m{@SITE}")),
          ("segments", nameless("site:multicast_segments:count{@SITE}")),
          ("devices", nameless("site:multicast_devices:sum{@SITE}")),
          units={"signalling/s": RATE, "streams/s": RATE, "storms": "short", "segments": "short",
                 "devices": "short"},
          maps={"state": SEGMENT_STATES}, sort="state", height=7, sites=True),
    panel("state-timeline", "State of each site", "short", 10,
          "The worst that went on there: orange is a chatty device, red a storm. The 30 worst in "
          "the time shown.",
          ("{{site}}", called("site:multicast_storm_level:max{@SITE} and topk(30, sum_over_time("
                              "site:multicast_storm_level:max{@SITE}[@VIEW] @ end()))")),
          maps=SEGMENT_STATES, height=7),
    "Storms",
    panel("table", "Storms now", "string", 24,
          "Devices that are in a storm now, the 20 fastest. A click leads to the device.",
          *STORM_COLUMNS, units=STORM_UNITS,
          maps={"level": STORM_LEVELS}, sort="signalling/s", height=5, sites=True,
          empty="No storm now"),
    panel("table", "Worst segments", "string", 12,
          "The 20 segments with most signalling, and the worst that goes on there.",
          ("state", once("interface:multicast_storm_level:max{@LAN}")),
          ("signalling/s", "topk(20, " + once("interface:multicast_signalling_packets:rate1m{@LAN}")
           + ")"),
          ("devices", once("interface:multicast_devices:max{@LAN}")),
          units={"signalling/s": RATE, "devices": "short"}, maps={"state": SEGMENT_STATES},
          sort="signalling/s", height=8, sites=True),
    panel("timeseries", "Signalling by site", RATE, 12,
          "Frames a second that count for storms; the 10 sites with most in the time shown.",
          ("{{site}}", called("site:multicast_signalling_packets:rate1m{@SITE} and topk(10,"
                              " sum_over_time(site:multicast_signalling_packets:rate1m{@SITE}"
                              "[@VIEW] @ end()))"))),
    "Exporters",
    panel("table", "Exporters that are down or blind", "string", 12,
          "Down: cannot be scraped now. Blind: no capture is up, or "
          "no other machine was heard for 15 min.",
          ("state", f"0 * (({UP}) == 0) or 1 + 0 * ({BLIND})"),
          maps={"state": {"0": ("down", "red"), "1": ("blind", "red")}}, height=7, sites=True,
          order=["instance"], empty="None"),
    panel("state-timeline", "Exporters", "short", 12,
          "Whether each could be scraped; the 30 that were down most in the time shown.",
          ("{{instance}} {{site}}",
           f"up{{@HOST}} and bottomk(30, {EVER_UP})"),
          maps=YES_NO, height=7),
]
