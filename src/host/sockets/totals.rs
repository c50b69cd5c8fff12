//! Sums by owner and port that never go down while sockets come and go. Pure.

use super::super::command::OTHER;
use super::diag::Socket;
use crate::time::Time;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Pairs of process and port that have a row of their own.
pub(crate) const ROWS: usize = 64;
/// How long a row stays without a socket.
const KEPT: Duration = Duration::from_hours(1);

/// One owner's sockets on one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The `process` label: a command name, `unknown` where the owner cannot be told, or `other`.
    pub process: Box<str>,
    /// The port.
    pub port: u16,
    /// Sockets there are now.
    pub sockets: u64,
    /// Datagrams that the kernel threw away for them, those of closed ones included.
    pub drops: u64,
    /// Bytes that wait in their queues.
    pub receive_queue: u64,
}

/// The sockets at one instant: each pair of process and port once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// By process and port.
    pub rows: Vec<Row>,
}

#[derive(Default)]
struct Sum {
    sockets: u64,
    drops: u64,
    receive_queue: u64,
    last_socket: Time,
}

/// The sums.
#[derive(Default)]
pub(crate) struct SocketTotals {
    /// Drops of each socket as last counted, by cookie.
    booked: HashMap<u64, u32>,
    sums: BTreeMap<(Box<str>, u16), Sum>,
}

impl SocketTotals {
    /// Counts the sockets that there are now, each with the label of its owner. What a socket has
    /// dropped since the last time counts for its owner now; the first time, all that it ever
    /// dropped.
    pub(crate) fn book<'a>(
        &mut self,
        now: Time,
        sockets: impl IntoIterator<Item = (&'a Socket, Box<str>)>,
    ) {
        self.sums.retain(|_, sum| sum.sockets > 0 || now.since(sum.last_socket) < KEPT);
        for sum in self.sums.values_mut() {
            (sum.sockets, sum.receive_queue) = (0, 0);
        }
        let mut booked = HashMap::with_capacity(self.booked.len());
        for (socket, owner) in sockets {
            // Wraps as the kernel's own count does.
            let before = self.booked.get(&socket.cookie).copied().unwrap_or(0);
            booked.insert(socket.cookie, socket.drops);
            let sum = self.sum((owner, socket.port));
            sum.sockets += 1;
            sum.drops += u64::from(socket.drops.wrapping_sub(before));
            sum.receive_queue += u64::from(socket.receive_queue);
            sum.last_socket = now;
        }
        self.booked = booked;
    }

    fn sum(&mut self, key: (Box<str>, u16)) -> &mut Sum {
        let is_full = self.sums.len() >= ROWS && !self.sums.contains_key(&key);
        let key = if is_full { (OTHER.into(), key.1) } else { key };
        self.sums.entry(key).or_default()
    }

    /// The sums.
    pub fn view(&self) -> View {
        let row = |((process, port), sum): (&(Box<str>, u16), &Sum)| Row {
            process: process.clone(),
            port: *port,
            sockets: sum.sockets,
            drops: sum.drops,
            receive_queue: sum.receive_queue,
        };
        View { rows: self.sums.iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn socket(cookie: u64, drops: u32) -> Socket {
        Socket { port: 5353, uid: 0, inode: 1, cookie, receive_queue: 10, drops }
    }

    fn book(
        totals: &mut SocketTotals,
        now: u64,
        sockets: &[(u64, u32, &str)],
    ) -> Vec<(String, u64, u64)> {
        let all: Vec<_> =
            sockets.iter().map(|(cookie, drops, who)| (socket(*cookie, *drops), *who)).collect();
        totals.book(at(now), all.iter().map(|(socket, who)| (socket, (*who).into())));
        let rows = totals.view().rows.into_iter();
        rows.map(|row| (row.process.into(), row.sockets, row.drops)).collect()
    }

    #[test]
    fn a_socket_that_closes_keeps_its_drops_in_the_sum() {
        let mut totals = SocketTotals::default();
        let row = |sockets, drops| vec![("avahi".to_owned(), sockets, drops)];
        assert_eq!(book(&mut totals, 0, &[(1, 5, "avahi"), (2, 7, "avahi")]), row(2, 12));
        assert_eq!(book(&mut totals, 1, &[(2, 9, "avahi")]), row(1, 14));
        assert_eq!(book(&mut totals, 2, &[]), row(0, 14));
        assert_eq!(book(&mut totals, 3, &[(3, 1, "avahi")]), row(1, 15));
        assert_eq!(book(&mut totals, 4, &[]), row(0, 15));
        assert_eq!(book(&mut totals, 3_603, &[]), []);
    }

    #[test]
    fn history_does_not_move_when_the_owner_becomes_known() {
        let mut totals = SocketTotals::default();
        book(&mut totals, 0, &[(1, 5, "unknown")]);
        let rows = book(&mut totals, 1, &[(1, 8, "avahi")]);
        assert_eq!(rows, [("avahi".to_owned(), 1, 3), ("unknown".to_owned(), 0, 5)]);
    }

    #[test]
    fn a_count_that_wraps_goes_on() {
        let mut totals = SocketTotals::default();
        book(&mut totals, 0, &[(1, u32::MAX, "a")]);
        let rows = book(&mut totals, 1, &[(1, 2, "a")]);
        assert_eq!(rows[0].2, u64::from(u32::MAX) + 3);
    }

    #[test]
    fn rows_are_bounded() {
        let mut totals = SocketTotals::default();
        let names: Vec<String> = (0..200).map(|n| format!("p{n}")).collect();
        let all: Vec<_> = (0..).zip(&names).map(|(n, name)| (n, 1, name.as_str())).collect();
        let rows = book(&mut totals, 0, &all);
        assert_eq!(rows.len(), ROWS + 1);
        assert_eq!(rows.iter().map(|(_, sockets, _)| sockets).sum::<u64>(), 200);
        assert!(rows.contains(&("other".to_owned(), 200 - ROWS as u64, 200 - ROWS as u64)));
    }

    proptest! {
        #[test]
        fn the_sum_is_all_that_was_ever_dropped(
            steps in prop::collection::vec(prop::collection::btree_map(0_u64..12, 0_u32..9, 0..9), 1..30),
        ) {
            let mut totals = SocketTotals::default();
            let (mut drops, mut all) = (BTreeMap::new(), 0);
            for (now, step) in (0..).zip(steps) {
                // A socket that is gone is closed; the next with its number is a new one.
                drops.retain(|cookie, _| step.contains_key(cookie));
                let mut sockets = Vec::new();
                for (cookie, more) in step {
                    let count = drops.entry(cookie).or_insert(0);
                    *count += more;
                    all += u64::from(more);
                    sockets.push((cookie, *count, if cookie % 2 == 0 { "a" } else { "b" }));
                }
                let rows = book(&mut totals, now, &sockets);
                prop_assert_eq!(rows.iter().map(|row| row.2).sum::<u64>(), all);
                prop_assert_eq!(rows.iter().map(|row| row.1).sum::<u64>(), sockets.len() as u64);
            }
        }
    }
}
