"""How many samples each panel of the dashboards reads, asked of a Prometheus that holds a day of one
exporter with 2,000 devices; 25 of them are 50,000 devices.

usage: panel_costs.py CATALOGUE.json DASHBOARDS RULES PROMETHEUS PROMTOOL

CATALOGUE.json: {family: [kind, [labels]]}. Prints lines of dashboard, panel, its kind, samples read, and
samples held at once, which query.max-samples limits, separated by tabs.
"""

import itertools
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

EXPORTERS, DEVICES = 25, 2000
END, DAY, SCRAPE = 1_800_000_000, 86_400, 15
MAC = "02:00:00:00:{:02x}:{:02x}"
BUCKETS = ["0.02", "0.05", "0.12", "0.25", "0.5", "1", "2", "3", "5", "10", "100", "+Inf"]

# What a label's values are, of one exporter; as many as there may be.
VALUES = {
    "protocol": ["mdns", "mdns_unicast", "ssdp", "llmnr", "wsd", "igmp", "mld", "nd", "arp", "dhcp",
                 "netbios", "other_multicast", "other_broadcast"],
    "kind": ["query", "probe", "legacy_query", "response", "announcement", "goodbye", "malformed"],
    "section": ["question", "answer", "authority", "additional"],
    "level": ["storm", "chatty"],
    "family": ["ipv4", "ipv6"],
    "le": BUCKETS,
    "interface": ["eth0"],
    "capture": ["eth0"],
    "port": ["5353", "1900", "5355", "3702"],
    "category": [f"category{n}" for n in range(14)],
    "cause": [f"cause{n}" for n in range(20)],
    "condition": [f"condition{n}" for n in range(10)],
    "rule": [f"rule{n}" for n in range(30)],
    "reason": ["reason0", "reason1", "reason2"],
    "service": [f"service{n}" for n in range(65)],
    "process": [f"process{n}" for n in range(65)],
    "call": [f"call{n}" for n in range(60)],
    "collector": [f"collector{n}" for n in range(11)],
}
# Of one device: what most use.
OF_DEVICE = {"protocol": ["mdns", "igmp", "arp", "other_multicast"],
             "kind": ["query", "response", "announcement", "goodbye"],
             "rule": ["rule0", "rule1"], "cause": ["cause0"], "condition": ["condition0"]}
# Few processes own sockets.
OF_SOCKETS = {"process": [f"process{n}" for n in range(8)]}
# Devices that have such series at a time.
FEW = {"multicast_device_storm": 20, "device_cause:": 20, "multicast_device_condition": 20,
       "device:multicast_stream_packets:": 10, "topk10": 10}
# The labels of recorded series beside lan and segment, by the first part of their names.
RECORDED = {"interface": ["interface"], "device": ["interface", "device"], "instance": [],
            "interface_protocol": ["interface", "protocol"], "site": None,
            "interface_kind": ["interface", "kind"], "interface_category": ["interface", "category"],
            "interface_family": ["interface", "family"], "instance_process": ["process"],
            "device_cause": ["interface", "device", "cause"]}
OTHERS = {"up": [], "ALERTS": ["alertname", "alertstate"]}


def labels_of(metric, catalogue):
    """The labels that a metric's series differ in, or None if it is of no exporter."""
    if metric in OTHERS:
        return OTHERS[metric]
    if ":" in metric:
        return RECORDED[metric.split(":")[0]]
    base = re.sub("_(bucket|count|sum)$", "", metric)
    if metric in catalogue:
        return catalogue[metric][1]
    return catalogue[base][1] + (["le"] if metric.endswith("_bucket") else [])


def series(metric, labels):
    """Text of each series of one exporter, and whether it is kept for the whole day."""
    common = 'job="m",instance="h0:10353",site="s0"'
    if labels is None:
        yield f'{metric}{{site="s0"}}', True
        return
    if ":" in metric and "interface" in labels:
        common += ',lan="l0",segment="l0"'
    if metric == "device:multicast_device:info":
        labels = labels + ["device_name", "category"]
    devices = [None]
    if "device" in labels:
        count = next((few for part, few in FEW.items() if part in metric), DEVICES)
        devices = range(count)
    own = [label for label in labels if label != "device"]
    known = OF_DEVICE if "device" in labels else OF_SOCKETS if "port" in labels else {}
    choices = [known.get(label, VALUES.get(label, ["x"])) for label in own]
    if metric == "ALERTS":
        choices = [["MulticastDeviceFlooding"], ["firing"]]
    for number in devices:
        chosen = choices
        if number is not None and metric.startswith(("device:multicast_device:", "multicast_device_i")):
            chosen = [[f"{label}{number}"] for label in own]
            chosen[own.index("interface")] = ["eth0"]
        for combined in itertools.product(*chosen):
            text = ",".join(f'{label}="{value}"' for label, value in zip(own, combined))
            if number is not None:
                text += f',device="{MAC.format(number // 256, number % 256)}"'
            whole_day = number in (None, 0) or devices.stop < DEVICES
            yield f"{metric}{{{common}{',' if text else ''}{text}}}", whole_day


def write(path, metrics, catalogue):
    with open(path, "w", encoding="utf-8") as out:
        for metric in sorted(metrics):
            base = re.sub("_(bucket|count|sum)$", "", metric)
            kind = catalogue.get(metric, catalogue.get(base, ["gauge"]))[0]
            grows = kind in ("counter", "histogram")
            for text, whole_day in series(metric, labels_of(metric, catalogue)):
                begin = END - (DAY + 600 if whole_day else 330)
                for at in range(begin, END + 1, SCRAPE):
                    out.write(f"{text} {at - begin + 1 if grows else 1} {at}\n")
        out.write("# EOF\n")


def steps(width):
    """The step of Grafana on a screen of 1,800 pixels, by the panel's width in 24ths."""
    return next(step for step in (15, 30, 60, 120, 300, 600) if step * width * 75 >= DAY)


def filled(promql, step):
    text = promql.replace("$__rate_interval", f"{max(step + SCRAPE, 4 * SCRAPE)}s")
    text = text.replace("$__range", f"{DAY}s").replace("$device", MAC.format(0, 0))
    text = text.replace("$site", ".*").replace("$lan", ".*")
    return re.sub(r"\$[a-z]+", ".+", text)


def main():
    catalogue = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    dashboards, rules, prometheus, promtool = sys.argv[2:6]
    recorded = re.findall(r"record: (\S+)", pathlib.Path(rules).read_text(encoding="utf-8"))
    panels = []
    for path in sorted(pathlib.Path(dashboards).glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            if panel.get("targets"):
                panels.append((path.stem, panel))
    text = " ".join(target["expr"] for _, panel in panels for target in panel["targets"])
    words = set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", text))
    metrics = {word for word in words
               if word in recorded or word in OTHERS or word in catalogue
               or re.sub("_(bucket|count|sum)$", "", word) in catalogue}

    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/samples", metrics, catalogue)
        made = [promtool, "tsdb", "create-blocks-from", "openmetrics", f"{folder}/samples",
                f"{folder}/data"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        pathlib.Path(f"{folder}/prometheus.yml").write_text("", encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        server = subprocess.Popen(
            [prometheus, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             "--storage.tsdb.retention.time=50y", f"--web.listen-address={address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            ask(address, panels)
        finally:
            server.terminate()
            server.wait()


def ask(address, panels):
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://{address}/-/ready")
            break
        except OSError:
            time.sleep(0.1)
    for dashboard, panel in panels:
        step = steps(panel["gridPos"]["w"])
        read = held = 0
        for target in panel["targets"]:
            promql = filled(target["expr"], step)
            at_end = {"time": END}
            if target["instant"]:
                samples = [asked(address, "query", promql, at_end)]
                read += samples[0]["totalQueryableSamples"]
            else:
                # What is said of the end of the day is read once and counted for each step: apart.
                rest = re.sub(r"[a-z0-9_:]+\{[^}]*\}(\[\w+\])? @ end\(\)", r"nothing\1 @ end()", promql)
                day = {"start": END - DAY, "end": END, "step": step}
                samples = [asked(address, "query_range", promql, day)]
                read += asked(address, "query_range", rest, day)["totalQueryableSamples"]
                read += asked(address, "query", promql, at_end)["totalQueryableSamples"]
                read -= asked(address, "query", rest, at_end)["totalQueryableSamples"]
            held = max(held, samples[0]["peakSamples"])
        print(dashboard, panel["title"], panel["type"], read * EXPORTERS, held * EXPORTERS, sep="\t")


def asked(address, path, promql, when):
    """What a query costs."""
    text = urllib.parse.urlencode({"query": promql, "stats": "all", **when}).encode()
    try:
        with urllib.request.urlopen(f"http://{address}/api/v1/{path}", text) as answer:
            return json.load(answer)["data"]["stats"]["samples"]
    except urllib.error.HTTPError as error:
        sys.exit(f"{promql}\n{error.read().decode()}")


if __name__ == "__main__":
    main()
