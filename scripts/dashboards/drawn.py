"""A dashboard's table as the panels of its JSON."""

from promql import DEVICE, expand

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# The oldest panels in use, as is the schema.
PLUGIN_VERSION = "10.4.0"
HEIGHTS = {"stat": 4, "table": 9}
HEIGHT = 8
LETTERS = "ABCDEF"

# A link keeps what is chosen and the time that is shown.
DASHBOARD_LINKS = {
    "type": "link",
    "icon": "dashboard",
    "tags": [],
    "asDropdown": False,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
}
KEPT = "${datasource:queryparam}&${site:queryparam}&${job:queryparam}&${__url_time_range}"
SEGMENT_KEPT = "${lan:queryparam}&${instance:queryparam}&${interface:queryparam}"

# Columns that a reader knows by another name, and where they stand: what is told apart first.
NAMES = {"device_name": "device", "device": "MAC"}
ORDER = ["site", "segment", "device_name", "device", "condition", "cause", "level", "category"]
# The segment says these.
HIDDEN = ["Time", "__name__", "job", "lan"]


def targets(row):
    """Its queries; tables and numbers of this moment need no history."""
    kind = row["kind"]
    instant = kind in ("stat", "table")
    made = []
    for letter, (legend, promql) in zip(LETTERS, row["queries"]):
        made.append({
            "refId": letter,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": expand(promql),
            "format": {"table": "table", "heatmap": "heatmap"}.get(kind, "time_series"),
            "instant": instant,
            "range": not instant,
            "legendFormat": "" if kind == "table" else legend,
        })
    return made


def mapping(values):
    """Words and colours instead of numbers."""
    options = {value: {"text": text, "color": color} for value, (text, color) in values.items()}
    return [{"type": "value", "options": options}]


def thresholds(row):
    steps = [{"color": "green", "value": None}]
    if "red" in row:
        steps.append({"color": "red", "value": row["red"]})
    return {"mode": "absolute", "steps": steps}


def device_link(device):
    url = f"/d/multicast-device?{KEPT}&{SEGMENT_KEPT}&var-device={device}"
    return [{"title": "This device", "url": url, "targetBlank": False}]


def site_link():
    url = f"/d/multicast-lan?{KEPT.replace('${site:queryparam}', 'var-site=${__value.raw}')}"
    return [{"title": "This site's LANs", "url": url, "targetBlank": False}]


def override(field, **properties):
    return {
        "matcher": {"id": "byName", "options": field},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def table_overrides(row):
    # What the panel says when it is empty is not said in each empty cell.
    every = {"matcher": {"id": "byRegexp", "options": ".*"},
             "properties": [{"id": "noValue", "value": ""}]}
    made = [every] + [override(field, unit=unit) for field, unit in row.get("units", {}).items()]
    for field, values in row.get("maps", {}).items():
        made.append(override(field, unit="short", mappings=mapping(values),
                             **{"custom.cellOptions": {"type": "color-text"}}))
    if any("device_name" in expand(promql) and DEVICE not in expand(promql)
           for _, promql in row["queries"]):
        for field in ("device", "MAC"):
            made.append(override(field, links=device_link("${__data.fields.MAC}")))
    if row.get("sites"):
        made.append(override("site", links=site_link()))
    return made


def field_config(row):
    kind = row["kind"]
    defaults = {"unit": row["unit"], "color": {"mode": "palette-classic"}, "custom": {}}
    if kind == "timeseries":
        defaults["min"] = 0
        defaults["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 25 if row.get("stack") else 5,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if row.get("stack") else "none"},
        }
    if kind == "state-timeline":
        defaults["custom"] = {"fillOpacity": 70, "lineWidth": 0}
    if kind in ("stat", "table"):
        defaults["color"] = {"mode": "thresholds"}
        defaults["thresholds"] = thresholds(row)
    if kind == "table":
        defaults["custom"] = {"align": "auto", "filterable": True}
    elif "maps" in row:
        defaults["mappings"] = mapping(row["maps"])
    if kind != "table" and any("{{device_name}}" in legend for legend, _ in row["queries"]):
        defaults["links"] = device_link("${__field.labels.device}")
    if "empty" in row:
        defaults["noValue"] = row["empty"]
    overrides = table_overrides(row) if kind == "table" else row.get("overrides", [])
    return {"defaults": defaults, "overrides": overrides}


def options(row):
    kind = row["kind"]
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    if kind == "stat":
        return {
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": row.get("text", "value"),
        }
    if kind == "table":
        sort = [{"displayName": row["sort"], "desc": True}] if "sort" in row else []
        return {"cellHeight": "sm", "showHeader": True, "sortBy": sort}
    if kind == "heatmap":
        return {
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5,
                      "fill": "dark-orange", "reverse": False, "scale": "exponential"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "reverse": False, "unit": row["unit"]},
        }
    if kind == "state-timeline":
        return {
            "alignValue": "left",
            "legend": dict(legend, showLegend=False),
            "mergeValues": True,
            "rowHeight": 0.8,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }
    if row.get("legend") == "below":
        legend = dict(legend, calcs=["lastNotNull"])
    elif row.get("legend") != "names":
        legend = dict(legend, displayMode="table", placement="right", calcs=["lastNotNull", "max"])
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def transformations(row):
    """Of a table: one row for what has the same labels, columns with names and in order."""
    if row["kind"] != "table":
        return []
    hidden = list(HIDDEN)
    names = dict(NAMES, **row.get("names", {}))
    order = ORDER + row.get("order", [])
    several = len(row["queries"]) > 1
    for letter, (column, _) in zip(LETTERS, row["queries"]):
        field = f"Value #{letter}" if several else "Value"
        if column in row.get("hidden", []):
            hidden.append(field)
        else:
            names[field] = column
        # A state stands beside what is in it, numbers at the end.
        if column in row.get("maps", {}):
            order.append(field)
    organize = {"excludeByName": dict.fromkeys(hidden, True),
                "indexByName": {field: place for place, field in enumerate(order)},
                "renameByName": names}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]


def heading(title, y):
    return {"type": "row", "title": title, "collapsed": False, "panels": [],
            "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}}


def drawn(row, x, y):
    height = row.get("height", HEIGHTS.get(row["kind"], HEIGHT))
    return {
        "type": row["kind"],
        "title": row["title"],
        "description": row["description"],
        "datasource": DATASOURCE,
        "pluginVersion": PLUGIN_VERSION,
        "gridPos": {"h": height, "w": row["width"], "x": x, "y": y},
        "fieldConfig": field_config(row),
        "options": options(row),
        "targets": targets(row),
        "transformations": transformations(row),
    }


def panels(table):
    """Numbered and laid out: from left to right, then below."""
    made, x, y, height = [], 0, 0, 0
    for row in table:
        is_heading = isinstance(row, str)
        if is_heading or x + row["width"] > 24:
            x, y, height = 0, y + height, 0
        if is_heading:
            made.append(heading(row, y))
            y += 1
            continue
        placed = drawn(row, x, y)
        x += row["width"]
        height = max(height, placed["gridPos"]["h"])
        made.append(placed)
    return [dict({"id": number}, **each) for number, each in enumerate(made, start=1)]
