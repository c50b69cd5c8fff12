//! Reads the recorded messages under `tests/netlink` for the tests of this module.

use super::message::{self, Link, Message};
use super::table::Table;
use super::wire;

/// The bytes of a recording: `#` begins a comment.
pub fn bytes(text: &str) -> Vec<u8> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect()
}

/// What the messages of a recording say.
pub fn decode(text: &str) -> Vec<Message> {
    wire::messages(&bytes(text))
        .map(|raw| raw.unwrap())
        .map(|raw| message::decode(raw.kind, raw.payload).unwrap())
        .collect()
}

/// The one link that a recording describes.
pub fn link(text: &str) -> Link {
    match <[Message; 1]>::try_from(decode(text)) {
        Ok([Message::Link(link)]) => *link,
        other => panic!("not one link: {other:?}"),
    }
}

/// A table of these links.
pub fn table(links: impl IntoIterator<Item = Link>) -> Table {
    let mut table = Table::new();
    for link in links {
        table.handle_message(Message::Link(Box::new(link)));
    }
    table
}

macro_rules! recording {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/netlink/", $name, ".hex"))
    };
}
pub(crate) use recording;
