//! One row a sender: who gets one, who gives it up, and which rows are due when a second closes.
//!
//! | file | reason |
//! |---|---|
//! | `budget` | the rows that all engines of the process share |
//! | `table` | the rows of one engine |
//! | `newcomers`, `sketch` | how rows are shared out when anybody can invent senders |
//! | `due` | which rows are looked at when a second closes |

pub(super) mod budget;
pub(super) mod due;
pub(super) mod newcomers;
pub(super) mod sketch;
pub(super) mod table;
