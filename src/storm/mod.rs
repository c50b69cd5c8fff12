//! Storms: when one begins and ends, of a device and of a segment as a whole, and what caused it.
//!
//! Counts frames by second, each with the causes whose signature it has. Begins and ends of storms
//! are events. No detector of frames reads this module.
//!
//! | file | reason |
//! |---|---|
//! | `storm` | what a storm is |
//! | `what` | what is counted of one frame |
//! | `limits` | limits, aliases and what is ignored, from the configuration |
//! | `device` | the storms of a device |
//! | `class` | the classes of frames and what their limits mean |
//! | `explain` | what caused a storm |
//! | `few` | the frames of a device that is not busy |
//! | `askers` | who provoked what a device answers |
//! | `since` | since when it has been going on |
//! | `detail` | what a storm is about, in words |
//! | `segment` | the storms of a segment as a whole |
//! | `strangers` | senders that were never heard before |
//! | `window`, `share`, `pace` | rates by second, and causes and protocols of the last 10 s |
//! | `unseen` | what may have been missed |
//! | `log` | a segment's storms that are over, and events that wait to be read |

mod askers;
mod class;
mod detail;
mod device;
mod explain;
mod few;
mod limits;
mod log;
mod pace;
mod segment;
mod share;
mod since;
#[allow(clippy::module_inception, reason = "the noun of the module")]
mod storm;
mod strangers;
mod unseen;
mod what;
mod window;

pub use detail::Detail;
pub(crate) use device::{Closing, DeviceStorms};
pub use limits::{DevicePolicy, Limits, ProtocolSet, StormPolicy};
pub(crate) use log::StormLog;
pub(crate) use segment::{SegmentStorms, Whose};
pub use storm::{Culprit, EndReason, Level, Storm, StormEvent};
pub(crate) use unseen::Unseen;
pub(crate) use what::What;
pub(crate) use window::Window;
