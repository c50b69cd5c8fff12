//! Sums by owner and port that never go down while sockets come and go. Pure.

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
