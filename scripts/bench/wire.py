"""A pair of interfaces in a network namespace of this process alone, and what is measured on it."""

import os
import re
import signal
import statistics
import subprocess
import time
import urllib.request

from program import EXPORTER_PORT, Program, cpu_ns, found

HEARD, SENDS = "b0", "a0"
URL = f"http://127.0.0.1:{EXPORTER_PORT}"


def namespace():
    """Which network namespace this process is in."""
    return os.readlink("/proc/self/ns/net")


def connect(outside):
    """Makes the pair, in another namespace than `outside`. The namespace, and with it the pair, goes
    when this process goes."""
    if namespace() == outside:
        raise SystemExit("make-bench: floods are sent in a namespace of their own only")
    if not os.path.exists("/sys/kernel/tracing/events"):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"], check=False)
    for command in (
        "ip link set lo up",
        "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
        f"ip link add {SENDS} type veth peer name {HEARD}",
        f"ip link set {SENDS} up",
        f"ip link set {HEARD} up",
    ):
        subprocess.run(command.split(), check=True)
    time.sleep(1.5)


def fetch(path, timeout=60, gzip=False):
    headers = {"Accept-Encoding": "gzip"} if gzip else {}
    request = urllib.request.Request(URL + path, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def answers(path):
    try:
        fetch(path, timeout=1)
        return True
    except OSError:
        return False


def metric(body, name):
    """The sum of a metric's samples."""
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)", body, re.M)
    return sum(float(value) for value in values)


def exporter(program, *flags):
    command = [program, f"--capture.interface={HEARD}", *flags]
    running = Program(command, ready=lambda: answers("/-/ready"))
    time.sleep(0.5)
    return running


def flood(wire, kind, rate, seconds):
    """How many frames were sent, and in how many seconds."""
    command = [wire, "send", SENDS, kind, str(rate), str(seconds)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sent, took = text.split()
    return int(sent), float(took)


class Peer:
    """Who listens while frames come: how it is started, and what it says that it lost."""

    def __init__(self, name, command, ready, settle, end, lost):
        self.name, self.command, self.ready = name, command, ready
        self.settle, self.end, self.lost = settle, end, lost

    def measure(self, wire, kind, rate, seconds):
        with Program(self.command, ready=self.ready, settle=self.settle, end=self.end) as running:
            before = running.cpu_ns()
            sent, took = flood(wire, kind, rate, seconds)
            # What is in a ring, or in a pipe, is read in time that counts.
            time.sleep(0.5)
            used = running.cpu_ns() - before
            said = fetch("/metrics").decode() if self.name == "multicast_exporter" else running.stop()
        lost = self.lost(said, sent)
        return {
            "sent": sent, "rate": sent / took, "ns": used / max(sent, 1), "cpu": used / 1e9 / took,
            "lost": None if lost is None else max(lost, 0) / max(sent, 1),
            "unjudged": metric(said, "multicast_interface_unjudged_packets_total") / max(sent, 1)
            if self.name == "multicast_exporter" else None,
        }


def number(pattern, unsaid=None):
    """What it says that it lost; `unsaid` if it says nothing."""
    def lost(said, _):
        match = re.search(pattern, said)
        return int(match.group(1)) if match else unsaid
    return lost


def peers(program, wire, seconds):
    """All who can be had, ours first; and the slow ones, who are measured once."""
    ndpi = re.compile(r"IP packets:\s+(\d+)")

    def ndpi_lost(said, sent):
        match = ndpi.search(said)
        return sent - int(match.group(1)) if match else None

    fast = [
        Peer("multicast_exporter", [program, f"--capture.interface={HEARD}", "--devices.max=2000"],
             lambda: answers("/-/ready"), 0.5, signal.SIGTERM,
             lambda said, _: metric(said, "multicast_capture_dropped_total")),
        Peer("bare ring", [wire, "ring", HEARD], "ready", 0.2, signal.SIGTERM, number(r"\d+\t(\d+)")),
    ]
    slow = []
    if path := found("tcpdump"):
        fast.append(Peer("tcpdump -w", [path, "-i", HEARD, "-w", "/dev/null"], "listening on", 0.3,
                         signal.SIGINT, number(r"(\d+) packets dropped by kernel")))
    if path := found("ndpiReader"):
        fast.append(Peer("ndpiReader", [path, "-i", HEARD, "-s", str(int(seconds) + 6)], None, 2.0,
                         signal.SIGINT, ndpi_lost))
    if path := found("dumpcap"):
        slow.append(Peer("dumpcap", [path, "-q", "-i", HEARD, "-w", "/dev/null"], "File:", 0.3,
                         signal.SIGINT, number(r"received/dropped on interface[^:]*: \d+/(\d+)")))
    if path := found("tshark"):
        slow.append(Peer("tshark", [path, "-n", "-q", "-i", HEARD, "-z", "io,stat,0"], "Capturing on", 2.0,
                         signal.SIGINT, number(r"(\d+) packets? dropped", unsaid=0)))
    return fast, slow


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


__all__ = ["connect", "cpu_ns", "exporter", "fetch", "flood", "median", "metric", "peers"]
