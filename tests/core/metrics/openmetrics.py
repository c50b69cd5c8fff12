"""Reads one body in each dialect with the Python client's parsers and compares their samples.

usage: openmetrics.py TEXT OPENMETRICS

Exits with 1 and says what differs if the parsers refuse a body or find different samples.
"""

import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

# How long a collector took differs from scrape to scrape.
UNSTABLE = {"multicast_scrape_collector_duration_seconds"}


def samples(families):
    found = {}
    for family in families:
        if not family.documentation:
            sys.exit(f"{family.name} has no help")
        for sample in family.samples:
            if sample.timestamp is not None or sample.name.endswith("_created"):
                sys.exit(f"not wanted: {sample}")
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if key in found:
                sys.exit(f"twice: {key}")
            found[key] = 0.0 if sample.name in UNSTABLE else float(sample.value)
    return found


def read(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def main():
    text_path, openmetrics_path = sys.argv[1:]
    text = samples(parser.text_string_to_metric_families(read(text_path)))
    openmetrics = samples(openmetrics_parser.text_string_to_metric_families(read(openmetrics_path)))
    if not text:
        sys.exit("there are no samples")
    for key in sorted(text.keys() | openmetrics.keys()):
        if text.get(key) != openmetrics.get(key):
            sys.exit(f"{key}: {text.get(key)} in text, {openmetrics.get(key)} in OpenMetrics")
    print(len(text))


main()
