"""What a row of a dashboard's table is, and what several of them share."""

# Frames a second: `pps` would say milli-packets of what is rare.
RATE = "count:/s"

YES_NO = {"0": ("no", "red"), "1": ("yes", "green")}
NONE = {"0": ("none", "green")}
COUNT_STATES = {"0": ("none", "green")}
STORM_LEVELS = {"0": ("no storm", "green"), "1": ("chatty", "orange"), "2": ("storm", "red")}
SEGMENT_STATES = {"0": ("quiet", "green"), "1": ("a chatty device", "orange"),
                  "2": ("a device in a storm", "red"), "3": ("storm of the segment", "red")}


def panel(kind, title, unit, width, description, *queries, **more):
    """A row of a table; a query is a pair: the legend, or in a table the column's name, and PromQL.

    more: height; empty, what stands there without data; red, from which value on; maps, words for
    values; stack; legend, "below" where names
    are long, "names" alone where a graph is narrow; of tables also units, hidden, names, sort.
    """
    return dict(more, kind=kind, title=title, unit=unit, width=width, description=description,
                queries=queries)


ALERTS_NOW = panel(
    "stat", "Alerts firing", "short", 3,
    "Firing alerts of the shipped rules about the chosen exporters; none also where the rules are "
    "not loaded.",
    ("alerts", 'count(ALERTS{alertstate="firing", alertname=~"(Multicast|Mdns).+", @HOST})'
               " or 0 * count(multicast_exporter_build_info{@HOST})"), red=1, maps=NONE)
