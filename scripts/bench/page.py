"""Writes what was measured into docs/performance.md, between two marks, and draws the charts."""

import statistics

from picture import draw

BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def figure(number, digits=3):
    """To so many digits; a dash where nothing was measured."""
    if number is None:
        return "-"
    if number == 0:
        return "0"
    rounded = float(f"{number:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:g}"


def percent(share):
    return "-" if share is None else f"{100 * share:.1f}".removesuffix(".0")


def live(result):
    rows, kinds = [], {}
    for row in result["live"]:
        kinds.setdefault(row["kind"], []).append(row)
    for group in kinds.values():
        for place, row in enumerate(group):
            rows.append([row["about"] if place == 0 else "", row["program"], figure(row["rate"] / 1000),
                         figure(row["ns"]), percent(row["lost"]), percent(row["unjudged"])])
    return table(["frames", "program", "1,000 sent a second", "CPU ns a frame", "lost %", "counted, not judged %"], rows)


def rates(result):
    rows = [[row["kind"], figure(row["wanted"]) if row["wanted"] else "no limit", figure(row["rate"]),
             figure(row["ns"]), percent(row["cpu"]), percent(row["lost"]), percent(row["unjudged"])]
            for row in result["rates"]]
    return table(["frames", "asked a second", "sent a second", "CPU ns a frame", "of one CPU %", "lost %",
                  "counted, not judged %"], rows)


def files(result):
    rows = []
    largest = max(row["frames"] for row in result["files"])
    ours = next(row for row in result["files"] if row["frames"] == largest)
    for row in result["files"]:
        if row["frames"] == largest:
            rows.append([row["program"], figure(row["wall"]), figure(row["cpu"]),
                         figure(row["cpu"] / ours["cpu"])])
    text = f"A file of {largest:,} frames of busy traffic, page cache warm; others in the chart.\n\n"
    return text + table(["program", "seconds", "CPU seconds", "against ours"], rows)


def scrapers(result):
    rows = [[row["scrapers"], figure(row["all_answered"] * 1000), figure(row["slowest"] * 1000),
             percent(row["lost"]), figure(row["before_mib"]), figure(row["peak_mib"])]
            for row in result["scrapers"]]
    return table(["scrapers", "all answered, median ms", "slowest ms", "lost %", "MiB before", "MiB at most"], rows)


def scrape(result):
    rows = [[f"{row['devices']:,}", {"registry": "`prometheus` crate, for comparison"}.get(row["way"], row["way"]),
             f"{row['series']:,}", figure(row["ms"]), figure(row["fastest_ms"]), figure(row["mib"])]
            for row in result["scrape"]]
    text = table(["devices", "way", "series", "median ms", "fastest ms", "MiB beyond the state"], rows)
    node = result["node_exporter"]
    if node:
        text += (f"\nnode_exporter takes {figure(node['us_a_series'])} µs of CPU a series "
                 f"({node['series']:,} of them) and holds {figure(node['mib'])} MiB.\n")
    return text


def rest(result):
    ours, node = result["rest"], result["node_exporter"] or {}
    return table(["what", "ours", "node_exporter"], [
        ["from start to the first answer of `/metrics`, median ms", figure(statistics.median(ours["start_ms"])), "-"],
        ["idle, one interface: CPU ms a minute", figure(ours["idle_cpu_ms_a_minute"]), figure(node.get("idle_cpu_ms_a_minute"))],
        ["idle: wake-ups a second", figure(ours["wake_ups_a_second"]), figure(node.get("wake_ups_a_second"))],
        ["anonymous memory, idle, MiB", figure(ours["idle_mib"]), figure(node.get("mib"))],
        ["with 2,000 devices, MiB", figure(ours["devices_mib"]), "-"],
        ["after invented senders at 100,000 a second, MiB", figure(ours["invented_mib"]), "-"],
    ])


def instructions(result):
    if not result["instructions"]:
        return "Not there.\n"
    lines = result["instructions"].splitlines()
    conditions = ", ".join(line[2:] for line in lines if line.startswith("# ") and ": " in line)
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return f"For {conditions}.\n\n" + table(["input", "instructions"], [[name, f"{int(n):,}"] for name, n in rows])


def syscalls(result):
    if not result["syscalls"]:
        return "Not measured: bpftrace or perf was missing, or the kernel refused.\n"
    return "```\n" + "\n".join(result["syscalls"]) + "\n```\n"


def charts(folder, result):
    """The charts that there are points for, by file name and words."""
    drawn = []

    def chart(name, words, *rest):
        if draw(folder / name, words, *rest):
            drawn.append((name, words))

    rate = {}
    for row in result["rates"]:
        rate.setdefault(row["kind"], []).append((row["rate"], 100 * row["cpu"]))
    chart("packets.svg", "Processor time by frames a second", "frames a second", "% of one CPU",
          {kind: sorted(points) for kind, points in rate.items()})
    plain = [row for row in result["scrape"] if row["way"] == "plain"]
    chart("devices.svg", "A scrape by devices", "devices", "ms, MiB", {
        "ms": [(row["devices"], row["ms"]) for row in plain],
        "MiB": [(row["devices"], row["mib"]) for row in plain]})
    file = {}
    for row in result["files"]:
        file.setdefault(row["program"], []).append((row["frames"], row["wall"]))
    chart("files.svg", "Reading a file by its size", "frames", "seconds", file)
    chart("scrapers.svg", "Scrapers at once, 10,000 devices, 100,000 frames a second", "scrapers", "ms, MiB", {
        "all answered, ms": [(row["scrapers"], 1000 * row["all_answered"]) for row in result["scrapers"]],
        "memory, MiB": [(row["scrapers"], row["peak_mib"]) for row in result["scrapers"]]})
    return drawn


def generated(result, drawn):
    machine, load = result["machine"], result["load"]
    versions = [f"{name}: {is_ or '**missing, not compared**'}" for name, is_ in result["versions"].items()]
    loads = [" ".join(f"{value:.1f}" for value in load[when]) for when in ("before", "after")]
    parts = [
        f"{result['date']}, commit {result['commit']}, {result['took_seconds']} s in all, each measurement "
        f"{result['seconds']:g} s, the median of {result['rounds']}.\n",
        "" if result["build"] == "release" else
        f"**The programs are from a folder `{result['build']}`, and not what `make bench` builds.**\n",
        f"{machine['cpus']} × {machine['cpu']}, {machine['memory_gib']} GiB, Linux {machine['kernel']} "
        f"({machine['architecture']}). Load before {loads[0]}, after {loads[1]}: "
        + ("**the machine was not quiet, compare within a table only**.\n" if load["before"][0] > 0.5 else "quiet.\n"),
        "\n".join(f"- {line}" for line in versions) + "\n",
        "## Live, as fast as it goes", live(result),
        "## Live, by rate", rates(result),
        "## Files", files(result),
        "## Scrapes while 100,000 frames a second come in", scrapers(result),
        "## A scrape alone", scrape(result),
        "## Start, idle, memory", rest(result),
        "## Counting a system call", syscalls(result),
        "## Instructions", instructions(result),
        "## Growth", "\n\n".join(f"![{words}](performance/{name})" for name, words in drawn) + "\n",
    ]
    return "\n".join(part + "\n" if part.startswith("#") else part for part in parts if part)


def write(docs, result):
    folder = docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = charts(folder, result)
    path = docs / "performance.md"
    text = path.read_text() if path.exists() else f"# Measurements\n\n{BEGIN}\n{END}\n"
    before, rest_of = text.split(BEGIN, 1)
    after = rest_of.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{generated(result, drawn)}{END}{after}")
