"""Starts programs and says what they cost: CPU time and memory of the process and of all that it
started, from /proc."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time

EXPORTER_PORT = 10353


def found(name):
    """The path of a program, also where only root looks."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def family(pid):
    """The process and its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                pass
    pids, more = {pid}, True
    while more:
        new = {child for child, parent in parents.items() if parent in pids} - pids
        pids |= new
        more = bool(new)
    return pids


def cpu_ns(pid):
    """CPU time of all threads that live, of the process and its descendants, in nanoseconds."""
    total = 0
    for member in family(pid):
        try:
            for task in os.listdir(f"/proc/{member}/task"):
                with open(f"/proc/{member}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
        except OSError:
            pass
    return total


def status(pid, field):
    """A number of /proc/PID/status; sizes are in KiB."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"^{field}:\s+(\d+)", file.read(), re.M).group(1))


def wake_ups(pid):
    """How often threads gave up the processor by themselves."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))
    return total


class Program:
    """A running program, whose output is kept. It ends with the `with` block."""

    def __init__(self, command, ready=None, settle=0.0, end=signal.SIGTERM, patience=20):
        self.end, self.lines = end, []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if callable(ready):
            self._wait(ready, patience, command)
        elif ready:
            self._wait(lambda: any(ready in line for line in self.lines), patience, command)
        time.sleep(settle)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _wait(self, is_so, patience, command):
        limit = time.monotonic() + patience
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise RuntimeError(f"{command[0]} did not begin:\n" + "\n".join(self.lines[-10:]))
            time.sleep(0.002)

    @property
    def pid(self):
        return self.process.pid

    def cpu_ns(self):
        return cpu_ns(self.pid)

    def stop(self):
        """Ends it and gives all that it wrote."""
        if self.process.poll() is None:
            self.process.send_signal(self.end)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        return "\n".join(self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def run(command):
    """Runs a command to its end: wall and CPU seconds, and what it wrote."""
    begin = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        text = process.stdout.read()
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    return {"wall": time.monotonic() - begin, "cpu": used.ru_utime + used.ru_stime}, text


def version(command):
    """The first line of what it says of its version that has a number."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout + done.stderr).splitlines()
    return next((line.strip() for line in lines if re.search(r"\d+\.\d+", line)), None)
