//! The collector `sockets`: the sockets of this host that wait for discovery, summed by owner and
//! port.

use super::catalogue::families;
use super::small::{Small, float};
use crate::host::sockets::{Row, View};
use prometheus::{Error, proto};

pub(super) fn collect(view: &View) -> Result<Vec<proto::MetricFamily>, Error> {
    let mut small = Small::default();
    let rows = |value: fn(&Row) -> u64| {
        view.rows
            .iter()
            .map(move |row| ([row.process.to_string(), row.port.to_string()], float(value(row))))
    };
    small.gauge(&families::SOCKETS, rows(|row| row.sockets))?;
    small.counter(&families::SOCKET_DROPS, rows(|row| row.drops))?;
    small.gauge(&families::SOCKET_RECEIVE_QUEUE, rows(|row| row.receive_queue))?;
    Ok(small.into_families())
}
