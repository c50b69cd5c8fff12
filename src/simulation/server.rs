//! The machine on a simulated LAN that an exporter would run on: what its programs do by themselves,
//! and what each datagram of discovery costs those that listen. It hears frames and gives counts, on
//! simulated time.
//!
//! The figures are those of the incident: a daemon for mDNS makes some 15 system calls for each
//! packet, on a machine that is idle otherwise. A program that is busy elsewhere for a while lets
//! its queues fill, and what does not fit is lost.

use super::agenda::{MS, Nanos, S, nanos};
use crate::craft::Host;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;

/// Octets that the queue of a socket holds (`net.core.rmem_default`).
const QUEUE: u64 = 212_992;
/// What the kernel needs for a datagram besides its octets: `struct sk_buff`, and room in front of
/// and behind it.
const OVERHEAD: (u64, u64) = (256, 384);

/// A program of the machine.
#[derive(Debug)]
struct Program {
    name: &'static str,
    /// System calls a second that it makes by itself.
    idle: f64,
    /// For each datagram: name and number of the calls.
    per_datagram: &'static [(&'static str, u64)],
    /// The ports that it listens on, in each address family.
    ports: &'static [u16],
    /// Whether it is busy elsewhere at times.
    stalls: bool,
}

/// What a program does by itself: name and weight of the calls.
const IDLE: [(&str, u64); 5] =
    [("epoll_pwait", 4), ("read", 3), ("futex", 2), ("write", 1), ("newfstatat", 1)];
/// A write to a group.
const SENT: &str = "sendmsg";

/// The programs of an idle server.
#[rustfmt::skip]
const PROGRAMS: [Program; 11] = [
    Program { name: "avahi-daemon", idle: 0.5, ports: &[5353], stalls: false,
        per_datagram: &[("ppoll", 5), ("recvmsg", 3), ("ioctl", 2), ("read", 2), ("write", 2), (SENT, 1)] },
    // Home Assistant, whose other work holds up its network.
    Program { name: "python3", idle: 75.0, ports: &[5353, 1900], stalls: true,
        per_datagram: &[("epoll_pwait", 1), ("recvfrom", 2), ("futex", 1)] },
    Program { name: "systemd-resolve", idle: 1.0, ports: &[5355], stalls: false,
        per_datagram: &[("epoll_pwait", 2), ("recvmsg", 2), ("ioctl", 1)] },
    Program { name: "minidlnad", idle: 2.0, ports: &[1900], stalls: false,
        per_datagram: &[("ppoll", 1), ("recvfrom", 1)] },
    Program { name: "wsdd", idle: 1.0, ports: &[3702], stalls: false,
        per_datagram: &[("epoll_pwait", 1), ("recvfrom", 2)] },
    Program { name: "containerd", idle: 38.0, ports: &[], stalls: false, per_datagram: &[] },
    Program { name: "multicast_expor", idle: 30.0, ports: &[], stalls: false, per_datagram: &[] },
    Program { name: "node_exporter", idle: 18.0, ports: &[], stalls: false, per_datagram: &[] },
    Program { name: "systemd-journal", idle: 12.0, ports: &[], stalls: false, per_datagram: &[] },
    Program { name: "dbus-daemon", idle: 4.0, ports: &[], stalls: false, per_datagram: &[] },
    Program { name: "systemd", idle: 3.0, ports: &[], stalls: false, per_datagram: &[] },
];

/// A socket of a program, one of those on the ports of discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The command name of its owner.
    pub process: &'static str,
    /// Its port.
    pub port: u16,
    /// Octets that wait in its queue, as the kernel accounts for them.
    pub queue: u64,
    /// Datagrams that did not fit.
    pub drops: u64,
    program: usize,
    is_v6: bool,
    /// How many datagrams wait.
    waiting: u64,
}

/// System calls, by the command name of the process and the name of the call.
pub type Calls = BTreeMap<(&'static str, &'static str), u64>;

/// An idle server that listens.
#[derive(Debug)]
pub struct Server {
    host: Host,
    rng: Rng,
    /// The next whole second.
    next: Nanos,
    /// Parts of calls that programs still owe, by program.
    owed: [f64; PROGRAMS.len()],
    /// Until when the programs that stall are busy elsewhere, and when they are the next time.
    busy: Nanos,
    stall: Nanos,
    calls: Calls,
    listeners: Vec<Listener>,
}

impl Server {
    /// The server with these addresses, just started.
    pub fn new(seed: u64, host: Host) -> Self {
        let of = |(program, of): (usize, &'static Program)| {
            let each = of.ports.iter().flat_map(|port| [(*port, false), (*port, true)]);
            each.map(move |(port, is_v6)| Listener {
                process: of.name,
                port,
                queue: 0,
                drops: 0,
                program,
                is_v6,
                waiting: 0,
            })
        };
        Self {
            host,
            rng: Rng::with_seed(seed),
            next: S,
            owed: [0.0; PROGRAMS.len()],
            busy: 0,
            stall: 30 * S,
            calls: Calls::new(),
            listeners: PROGRAMS.iter().enumerate().flat_map(of).collect(),
        }
    }

    /// A frame goes by on the untagged LAN.
    pub fn hear(&mut self, at: Duration, frame: &[u8]) {
        let Some((is_v6, port, length)) = datagram(frame) else { return };
        if !PROGRAMS.iter().any(|program| program.ports.contains(&port)) {
            return;
        }
        self.advance(at);
        let now = nanos(at);
        if frame[6..12] == self.host.mac.0 {
            let sender = PROGRAMS.iter().find(|program| program.ports.contains(&port));
            *self.calls.entry((sender.map_or("python3", |p| p.name), SENT)).or_default() += 1;
        }
        // The kernel's smallest buffer of a power of two.
        let size = (length + OVERHEAD.1).next_power_of_two() + OVERHEAD.0;
        for listener in &mut self.listeners {
            if (listener.port, listener.is_v6) != (port, is_v6) {
                continue;
            }
            let program = &PROGRAMS[listener.program];
            if program.stalls && now < self.busy {
                if listener.queue + size > QUEUE {
                    listener.drops += 1;
                } else {
                    listener.queue += size;
                    listener.waiting += 1;
                }
            } else {
                book(&mut self.calls, program, 1);
            }
        }
    }

    /// Time goes on until then.
    pub fn advance(&mut self, until: Duration) {
        let until = nanos(until);
        while self.next <= until {
            self.second();
            self.next += S;
        }
        if self.busy <= until {
            self.catch_up();
        }
    }

    /// What the programs did by themselves in the second that ends.
    fn second(&mut self) {
        if self.busy <= self.next {
            self.catch_up();
        }
        for (program, owed) in PROGRAMS.iter().zip(&mut self.owed) {
            *owed += program.idle * (0.6 + 0.8 * self.rng.f64());
            while *owed >= 1.0 {
                *owed -= 1.0;
                let weights: u64 = IDLE.iter().map(|(_, weight)| weight).sum();
                let mut pick = self.rng.u64(..weights);
                for (call, weight) in IDLE {
                    if pick < weight {
                        *self.calls.entry((program.name, call)).or_default() += 1;
                        break;
                    }
                    pick -= weight;
                }
            }
        }
        if self.stall <= self.next {
            self.busy = self.next + self.rng.u64(1_500 * MS..3_000 * MS);
            self.stall = self.next + self.rng.u64(15 * S..45 * S);
        }
    }

    /// The programs that were busy elsewhere read what waits.
    fn catch_up(&mut self) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.waiting > 0) {
            book(&mut self.calls, &PROGRAMS[listener.program], listener.waiting);
            (listener.waiting, listener.queue) = (0, 0);
        }
    }

    /// The calls since this was asked last.
    pub fn take_calls(&mut self) -> Calls {
        std::mem::take(&mut self.calls)
    }

    /// The sockets, each in its place for good.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }
}

fn book(calls: &mut Calls, program: &Program, datagrams: u64) {
    for (call, count) in program.per_datagram {
        *calls.entry((program.name, call)).or_default() += count * datagrams;
    }
}

/// Whether a frame is a UDP datagram over IPv6, its port, and the octets of the frame; `None` if it
/// is no UDP datagram to a group or to all.
fn datagram(frame: &[u8]) -> Option<(bool, u16, u64)> {
    let (is_v6, udp) = match frame.get(12..14)? {
        [8, 0] if *frame.get(23)? == 17 => (false, 14 + usize::from(frame[14] & 15) * 4),
        [0x86, 0xdd] if *frame.get(20)? == 17 => (true, 54),
        _ => return None,
    };
    let port = frame.get(udp + 2..udp + 4)?;
    let is_group = frame[0] & 1 == 1;
    let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
    is_group.then(|| (is_v6, u16::from_be_bytes([port[0], port[1]]), length))
}

#[cfg(test)]
mod tests {
    use super::super::{Member, Options, Simulation};
    use super::*;

    const S1: Duration = Duration::from_secs(1);

    fn server() -> Server {
        Server::new(1, Member::Linux.host())
    }

    /// Calls of a program, of all but for what it is named.
    fn of(calls: &Calls, process: &str) -> u64 {
        calls.iter().filter(|((name, _), _)| *name == process).map(|(_, count)| count).sum()
    }

    #[test]
    fn a_stuck_printer_costs_avahi_3000_calls_a_second_on_an_idle_machine() {
        let mut lan = Simulation::new(Options::default());
        lan.lock_up(Member::Printer, 300 * S1, 600 * S1, 200);
        let mut server = server();
        let mut rates = Vec::new();
        for minute in 1..=9_u32 {
            let until = 60 * minute * S1;
            while let Some((at, frame)) = lan.frame_until(until) {
                server.hear(at, frame);
            }
            server.advance(until);
            let calls = server.take_calls();
            rates.push((of(&calls, "avahi-daemon") / 60, calls.values().sum::<u64>() / 60));
        }
        let (quiet, storm) = (&rates[1..5], &rates[5..]);
        assert!(
            quiet.iter().all(|(avahi, all)| *avahi < 40 && (150..300).contains(all)),
            "{rates:?}"
        );
        assert!(storm.iter().all(|(avahi, _)| (2_990..3_100).contains(avahi)), "{rates:?}");
        assert!(storm.iter().all(|(_, all)| (3_700..4_200).contains(all)), "{rates:?}");
        let drops = |process| {
            let of = server.listeners().iter().filter(|listener| listener.process == process);
            of.map(|listener| listener.drops).sum::<u64>()
        };
        assert!((100..6_000).contains(&drops("python3")), "{}", drops("python3"));
        assert_eq!(drops("avahi-daemon"), 0);
    }

    #[test]
    fn how_often_it_is_asked_changes_nothing() {
        let run = |step: u64| {
            let mut lan = Simulation::new(Options::default());
            lan.lock_up(Member::Printer, 40 * S1, 90 * S1, 200);
            let (mut server, mut all) = (server(), Calls::new());
            for millis in (0..=100_000).step_by(usize::try_from(step).unwrap()) {
                let until = Duration::from_millis(millis);
                while let Some((at, frame)) = lan.frame_until(until) {
                    server.hear(at, frame);
                }
                server.advance(until);
                for (key, count) in server.take_calls() {
                    *all.entry(key).or_default() += count;
                }
            }
            (all, server.listeners().to_vec())
        };
        assert_eq!(run(100_000), run(250));
    }

    #[test]
    fn a_queue_holds_what_it_may_and_the_rest_is_lost() {
        let mut server = server();
        let frame = Member::Printer.host().mdns4(vec![0; 60]);
        server.busy = 10 * S;
        for n in 0..300 {
            server.hear(S1 + Duration::from_millis(n), &frame);
        }
        let python = |server: &Server| server.listeners()[2].clone();
        let socket = python(&server);
        assert_eq!((socket.process, socket.port), ("python3", 5353));
        // 768 octets each.
        assert_eq!((socket.queue, socket.waiting, socket.drops), (277 * 768, 277, 23));
        server.take_calls();
        server.busy = 2 * S;
        server.advance(2 * S1);
        let socket = python(&server);
        assert_eq!((socket.queue, socket.waiting, socket.drops), (0, 0, 23));
        assert!(of(&server.take_calls(), "python3") >= 277 * 4);
    }
}
