//! What detectors remember with, and what one frame's reading needs of the frames before it.
//!
//! | file | reason |
//! |---|---|
//! | `table` | the bounded table that every detector remembers in |
//! | `sender` | who sent a frame, as the tables are keyed by it |
//! | `questions` | what was asked on the segment in the last 2 s |
//! | `suspension` | when silence proves nothing |
//! | `kinds` | which kind a message is: announcement or response |

pub(crate) mod kinds;
pub(crate) mod questions;
pub(crate) mod sender;
pub(crate) mod suspension;
pub(crate) mod table;
