//! The simulated machine as a source of the host's figures: what it counts goes through the same
//! sums, places and windows as what a kernel counts.

use crate::craft::Host;
use crate::host::sockets::diag::Socket;
use crate::host::sockets::totals::SocketTotals;
use crate::host::sockets::{self, Owners};
use crate::host::syscalls::calls::number;
use crate::host::syscalls::{self, Backend, Detail, Increments, Reason, Tally};
use crate::host::{Command, Source, Standing, View, WINDOW};
use crate::simulation::{Listener, Server};
use crate::time::Time;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// A machine that was switched on with its LAN. Its time is the LAN's.
pub(super) struct SimulatedHost {
    standing: Standing,
    state: Mutex<State>,
}

struct State {
    server: Server,
    now: Duration,
    tally: Tally,
    totals: SocketTotals,
    /// When the next window ends.
    window: Duration,
}

impl SimulatedHost {
    /// One with these addresses.
    pub(super) fn new(seed: u64, host: Host) -> Self {
        let refusals = Vec::new();
        let syscalls =
            syscalls::Standing { backend: Backend::Ebpf, reason: Reason::None, refusals };
        let sockets = sockets::Standing { owners: Owners::Fd, refusal: None };
        let state = State {
            server: Server::new(seed, host),
            now: Duration::ZERO,
            tally: Tally::new(Time(0)),
            totals: SocketTotals::default(),
            window: WINDOW,
        };
        Self { standing: Standing { syscalls, sockets }, state: Mutex::new(state) }
    }

    /// These frames go by, in the order of time; then nothing until then.
    pub(super) fn hear<'f>(
        &self,
        frames: impl Iterator<Item = (Duration, &'f [u8])>,
        until: Duration,
    ) {
        let mut state = self.state.lock();
        for (at, frame) in frames {
            state.advance(at);
            state.server.hear(at, frame);
        }
        state.advance(until);
    }
}

impl Source for SimulatedHost {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn read(&self, wait: Duration) -> View {
        let Some(mut state) = self.state.try_lock_for(wait) else {
            return View::locked(&self.standing);
        };
        state.fold();
        View { syscalls: Some(Ok(state.tally.view())), sockets: Some(Ok(state.totals.view())) }
    }
}

impl State {
    /// Time goes on, and windows end.
    fn advance(&mut self, until: Duration) {
        while self.window <= until {
            self.server.advance(self.window);
            self.now = self.window;
            self.fold();
            self.tally.close_window(time(self.now));
            self.window += WINDOW;
        }
        self.server.advance(until);
        self.now = self.now.max(until);
    }

    /// Books what the machine has counted since the last time.
    fn fold(&mut self) {
        let now = time(self.now);
        let mut increments = Increments::default();
        let (mut processes, mut calls) = (BTreeMap::new(), BTreeMap::new());
        for ((process, call), count) in self.server.take_calls() {
            increments.total += count;
            *processes.entry(Command::new(process.as_bytes())).or_default() += count;
            *calls.entry(number(call)).or_default() += count;
        }
        let (processes, calls) = (Vec::from_iter(processes), Vec::from_iter(calls));
        increments.detail = Some(Detail { processes, calls });
        let listeners = self.server.listeners();
        let owns = |command: &Command| {
            let label = command.label();
            listeners.iter().any(|listener| *listener.process == *label)
        };
        self.tally.fold(now, &increments, owns);
        let sockets: Vec<(Socket, &str)> =
            (1..).zip(listeners).map(|(cookie, one)| (socket(cookie, one), one.process)).collect();
        let booked = sockets.iter().map(|(socket, process)| (socket, Box::from(*process)));
        self.totals.book(now, booked);
    }
}

/// A socket as the kernel would tell of it.
fn socket(cookie: u64, listener: &Listener) -> Socket {
    let bits = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    Socket {
        port: listener.port,
        uid: 0,
        inode: bits(cookie),
        cookie,
        receive_queue: bits(listener.queue),
        drops: bits(listener.drops),
    }
}

fn time(at: Duration) -> Time {
    Time(0).plus(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Member, Options, Simulation};

    const S: Duration = Duration::from_secs(1);

    fn told(host: &SimulatedHost) -> (syscalls::View, sockets::View) {
        let view = host.read(Duration::ZERO);
        let whole = |part: Option<Result<_, _>>| part.and_then(Result::ok).expect("it can be read");
        (whole(view.syscalls), view.sockets.and_then(Result::ok).expect("it can be read"))
    }

    /// The calls a second of a process, in the last whole window.
    fn rate(view: &syscalls::View, process: &str) -> Option<f64> {
        let all = view.processes.as_ref()?;
        all.iter().find(|one| &*one.name == process)?.per_second
    }

    #[test]
    fn the_cost_of_a_stuck_printer_is_told_by_process_call_and_socket() {
        let mut lan = Simulation::new(Options::default());
        lan.lock_up(Member::Printer, 300 * S, 400 * S, 200);
        let host = SimulatedHost::new(1, Member::Linux.host());
        let mut run = |until: Duration| {
            let frames: Vec<_> = std::iter::from_fn(|| {
                lan.frame_until(until).map(|(at, frame)| (at, frame.to_vec()))
            })
            .collect();
            host.hear(frames.iter().map(|(at, frame)| (*at, frame.as_slice())), until);
            told(&host)
        };
        let (before, _) = run(299 * S);
        let (during, sockets) = run(395 * S);
        assert!(rate(&before, "avahi-daemon").is_some_and(|rate| rate < 50.0), "{before:?}");
        assert!(rate(&during, "avahi-daemon").is_some_and(|rate| rate >= 3_000.0), "{during:?}");
        let sum = |view: &syscalls::View| {
            let processes = view.processes.iter().flatten().map(|process| process.calls);
            let calls = view.calls.iter().flatten().map(|(_, count)| count);
            (view.total, processes.sum::<u64>(), calls.sum::<u64>())
        };
        let (total, by_process, by_call) = sum(&during);
        assert!(total == by_process && total == by_call, "{total} {by_process} {by_call}");
        assert!(total >= before.total + 95 * 3_000);
        let rows: Vec<_> = sockets.rows.iter().map(|row| (&*row.process, row.port)).collect();
        let wanted = [
            ("avahi-daemon", 5353),
            ("minidlnad", 1900),
            ("python3", 1900),
            ("python3", 5353),
            ("systemd-resolve", 5355),
            ("wsdd", 3702),
        ];
        assert_eq!(rows, wanted);
        assert!(sockets.rows[3].drops > 0 && sockets.rows[3].sockets == 2, "{sockets:?}");
    }

    #[test]
    fn who_reads_and_how_often_changes_no_figure() {
        let run = |pause: u32| {
            let host = SimulatedHost::new(5, Member::Linux.host());
            for second in (0..=120).filter(|second| second % pause == 0) {
                host.hear(std::iter::empty(), second * S);
                if pause == 1 {
                    told(&host);
                }
            }
            told(&host)
        };
        let (often, seldom) = (run(1), run(120));
        assert_eq!(often.0.total, seldom.0.total);
        assert_eq!(often.0.calls, seldom.0.calls);
        assert_eq!(often.0.per_second, seldom.0.per_second);
        assert_eq!(often.1, seldom.1);
    }
}
