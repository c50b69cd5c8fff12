"""Announces one service or browses with python-zeroconf until it is told to end.

announce INSTANCE HOST PORT ADDRESS | browse ADDRESS; both of _ipp._tcp.
"""
import signal
import socket
import sys
import threading

from zeroconf import ServiceBrowser, ServiceInfo, Zeroconf

KIND = "_ipp._tcp.local."


class Listener:
    def add_service(self, zeroconf, kind, name):
        info = zeroconf.get_service_info(kind, name, 5000)
        if info:
            print("found", name, *info.parsed_addresses(), info.port, flush=True)

    def update_service(self, *_):
        pass

    def remove_service(self, zeroconf, kind, name):
        print("lost", name, flush=True)


def main():
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    zeroconf = Zeroconf()
    if sys.argv[1] == "announce":
        instance, host, port, address = sys.argv[2:6]
        info = ServiceInfo(
            KIND,
            f"{instance}.{KIND}",
            addresses=[socket.inet_aton(address)],
            port=int(port),
            properties={"id": address},
            server=f"{host}.local.",
        )
        # As most programs do: another name if this one is taken.
        zeroconf.register_service(info, allow_name_change=True)
        print("announced", info.name, flush=True)
    else:
        ServiceBrowser(zeroconf, KIND, Listener())
    end.wait()
    zeroconf.unregister_all_services()
    zeroconf.close()


main()
