"""The parts of `make bench`: each gives what was measured, as plain data for the JSON file."""

import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import wire as wires
from program import EXPORTER_PORT, Program, found, run, status, wake_ups
from wire import HEARD, SENDS, exporter, fetch, flood, median, metric, peers

# What the slow peers are measured with; the others are with all kinds.
SLOW_KIND = "one_record"
RATES = [10_000, 30_000, 100_000, 200_000, 0]
DEVICES = [10, 100, 1_000, 10_000, 100_000]
FRAMES = [10_000, 50_000, 200_000, 500_000, 1_000_000]
SCRAPERS = [1, 2, 4, 8, 16]


class Bench:
    """Where the programs are, and how long each measurement takes."""

    def __init__(self, folder, seconds, rounds, work, say):
        self.folder = folder
        self.program = f"{folder}/multicast_exporter"
        self.examples = f"{folder}/examples"
        self.wire = f"{self.examples}/bench_wire"
        self.seconds, self.rounds, self.work, self.say = seconds, rounds, work, say

    def quick(self, sizes):
        """All sizes, or the smaller ones where everything has to be short."""
        return sizes if self.seconds >= 3 else sizes[:4]

    def kinds(self):
        text = subprocess.run([self.wire, "kinds"], check=True, capture_output=True, text=True).stdout
        return [line.split("\t") for line in text.splitlines()]

    # Live floods, as fast as they go.
    def live(self):
        fast, slow = peers(self.program, self.wire, self.seconds)
        rows = []
        for kind, about in self.kinds():
            who = fast + (slow if kind == SLOW_KIND else [])
            taken = {peer.name: [] for peer in who}
            for turn in range(self.rounds):
                for peer in who:
                    if turn and peer in slow:
                        continue
                    self.say(f"live: {kind}, {peer.name}")
                    try:
                        taken[peer.name].append(peer.measure(self.wire, kind, 0, self.seconds))
                    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                        self.say(f"*** {peer.name} could not be measured: {error}")
            for name, runs in taken.items():
                if runs:
                    rows.append({"kind": kind, "about": about, "program": name, "runs": runs,
                                 **{key: median([run[key] for run in runs])
                                    for key in ("ns", "rate", "lost", "unjudged")}})
        return rows

    # The same at given rates.
    def rates(self):
        rows = []
        ours = peers(self.program, self.wire, self.seconds)[0][0]
        for kind in ("one_record", "records_13_differ"):
            for rate in RATES:
                self.say(f"rates: {kind}, {rate or 'no limit'}")
                rows.append({"kind": kind, "wanted": rate, **ours.measure(self.wire, kind, rate, self.seconds)})
        return rows

    # Files of busy traffic.
    def files(self):
        programs = {"multicast_exporter analyze": [self.program, "analyze", "--output=json"]}
        tails = {}
        if path := found("tcpdump"):
            programs["tcpdump -w /dev/null"] = [path, "-w", "/dev/null", "-r"]
            programs["tcpdump -nn"] = [path, "-nn", "-r"]
        if path := found("ndpiReader"):
            programs["ndpiReader"] = [path, "-q", "-i"]
        if path := found("tshark"):
            programs["tshark -z io,stat,0"] = [path, "-n", "-q", "-z", "io,stat,0", "-r"]
        rows = []
        sizes = self.quick(FRAMES)
        for frames in sizes:
            path = f"{self.work}/{frames}.pcap"
            subprocess.run([f"{self.examples}/make_capture", path, str(frames)], check=True)
            with open(path, "rb") as file:
                while file.read(1 << 20):
                    pass
            is_last = frames == sizes[-1]
            turns = self.rounds if is_last else 1
            taken = {name: [] for name in programs}
            for turn in range(turns):
                for name, command in programs.items():
                    # The slowest of all are not needed at every size.
                    if name.startswith(("tshark", "tcpdump -nn")) and (turn or not is_last):
                        continue
                    self.say(f"files: {frames} frames, {name}")
                    taken[name].append(run(command + [path] + tails.get(name, []))[0])
            os.remove(path)
            rows += [{"frames": frames, "program": name, "wall": median([r["wall"] for r in runs]),
                      "cpu": median([r["cpu"] for r in runs]), "runs": runs}
                     for name, runs in taken.items() if runs]
        return rows

    # Scrapers at once, while frames come in.
    def scrapers(self):
        rows = []
        for count in SCRAPERS:
            self.say(f"scrapers: {count} at once, 10,000 devices, 100,000 frames a second")
            with exporter(self.program, "--devices.max=20000") as running:
                subprocess.run([self.wire, "devices", SENDS, "10000"], check=True, capture_output=True)
                time.sleep(1)
                before = metric(fetch("/metrics").decode(), "multicast_capture_dropped_total")
                resident = status(running.pid, "RssAnon")
                reset_peak(running.pid)
                peak = Peak(running.pid)
                sender = subprocess.Popen([self.wire, "send", SENDS, "one_record", "100000",
                                           str(self.seconds + 1)], stdout=subprocess.PIPE, text=True)
                time.sleep(0.5)
                rounds, end = [], time.monotonic() + self.seconds
                while time.monotonic() < end:
                    begin = time.monotonic()
                    threads = [threading.Thread(target=drain) for _ in range(count)]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                    rounds.append(time.monotonic() - begin)
                    time.sleep(0.1)
                sent = int(sender.communicate()[0].split()[0])
                most = peak.stop()
                time.sleep(0.5)
                body = fetch("/metrics").decode()
                lost = metric(body, "multicast_capture_dropped_total") - before
                rows.append({"scrapers": count, "sent": sent, "lost": lost / max(sent, 1),
                             "all_answered": median(rounds), "slowest": max(rounds),
                             "before_mib": resident / 1024, "peak_mib": most / 1024})
        return rows

    # The writing of a scrape alone.
    def scrape(self):
        rows = []

        def bench(devices, *way):
            self.say(f"scrape: {devices} devices {' '.join(way)}")
            text = run([f"{self.examples}/scrape_bench", str(devices), *way])[1]
            pattern = (r"^(\w+)\s+(\d+) series\s+(\d+) bytes\s+([\d.]+) ms \(fastest ([\d.]+)\)\s+([\d.]+) MiB")
            for way, series, size, ms, fastest, mib in re.findall(pattern, text, re.M):
                rows.append({"devices": devices, "way": way, "series": int(series), "bytes": int(size),
                             "ms": float(ms), "fastest_ms": float(fastest), "mib": float(mib)})

        for devices in self.quick(DEVICES):
            if devices == 10_000 and self.seconds >= 3:
                bench(devices)
            else:
                bench(devices, "plain")
        return rows

    def node_exporter(self):
        path = found("prometheus-node-exporter")
        if not path:
            return None
        self.say("node_exporter")
        address = "127.0.0.1:9100"
        url = wires.URL
        wires.URL = f"http://{address}"
        try:
            command = [path, f"--web.listen-address={address}", "--log.level=error"]
            with Program(command, ready=lambda: wires.answers("/")) as running:
                fetch("/metrics")
                idle = self._idle(running)
                before, turns = running.cpu_ns(), 20
                for _ in range(turns):
                    body = fetch("/metrics").decode()
                used = (running.cpu_ns() - before) / turns
                series = sum(1 for line in body.splitlines() if not line.startswith("#"))
                return {"us_a_series": used / 1000 / series, "series": series,
                        "mib": status(running.pid, "RssAnon") / 1024, **idle}
        finally:
            wires.URL = url

    def _idle(self, running):
        seconds = max(10, 3 * self.seconds)
        time.sleep(2)
        cpu, woken = running.cpu_ns(), wake_ups(running.pid)
        time.sleep(seconds)
        return {"idle_cpu_ms_a_minute": (running.cpu_ns() - cpu) / 1e6 * 60 / seconds,
                "wake_ups_a_second": (wake_ups(running.pid) - woken) / seconds}

    # Start, idle, memory.
    def rest(self):
        result = {"start_ms": []}
        for _ in range(5):
            self.say("start")
            with Program([self.program, f"--capture.interface={HEARD}"],
                         ready=lambda: wires.answers("/metrics")) as running:
                result["start_ms"].append((time.monotonic() - running.started) * 1000)
        with exporter(self.program) as running:
            self.say("idle")
            result["idle_mib"] = status(running.pid, "RssAnon") / 1024
            result.update(self._idle(running))
        with exporter(self.program) as running:
            self.say("memory: 2,000 devices, and a million invented senders")
            subprocess.run([self.wire, "devices", SENDS, "2000"], check=True, capture_output=True)
            time.sleep(1)
            result["devices_mib"] = status(running.pid, "RssAnon") / 1024
            flood(self.wire, "invented", 100_000, 10 if self.seconds >= 3 else 2)
            time.sleep(1)
            result["invented_mib"] = status(running.pid, "RssAnon") / 1024
        return result

    def syscalls(self):
        if not (found("bpftrace") and found("perf")):
            self.say("*** system calls are not measured: bpftrace or perf is missing")
            return None
        self.say("system calls")
        try:
            text = run([f"{self.examples}/syscall_bench", str(self.rounds)])[1]
        except RuntimeError as error:
            self.say(f"*** system calls are not measured: {error}")
            return None
        return text.splitlines()


def drain():
    """Reads a whole answer and keeps nothing of it."""
    with socket.create_connection(("127.0.0.1", EXPORTER_PORT), timeout=60) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        buffer = bytearray(1 << 20)
        while client.recv_into(buffer):
            pass


def reset_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


class Peak:
    """The most anonymous memory, in KiB, looked at every few milliseconds."""

    def __init__(self, pid):
        self.pid, self.most, self.ends = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self):
        while not self.ends.wait(0.005):
            self.most = max(self.most, status(self.pid, "RssAnon"))

    def stop(self):
        self.ends.set()
        self.thread.join()
        return self.most


# Many connections at once.
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
__all__ = ["Bench", "signal"]
