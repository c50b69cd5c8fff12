//! The rules of RFC 6762, and the causes of storms that break them.
//!
//! | file | finds |
//! |---|---|
//! | `form` | what a message breaks by itself |
//! | `records` | records sent again, changed and withdrawn |
//! | `conflict` | unique records that two devices claim |
//! | `repeats` | questions asked again too soon |
//! | `known` | answers that the question listed as known |
//! | `probes` | probes sent too fast, or without an end |
//! | `contenders` | devices that object to a name |
//! | `rename` | names that go on and on |
//! | `pingpong` | questions and answers that provoke each other |

pub(crate) mod conflict;
pub(crate) mod contenders;
pub(crate) mod form;
pub(crate) mod known;
pub(crate) mod pingpong;
pub(crate) mod probes;
pub(crate) mod records;
pub(crate) mod rename;
pub(crate) mod repeats;
