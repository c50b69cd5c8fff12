//! Violations, counted for each device and segment.
//!
//! | file | what |
//! |---|---|
//! | `booking` | counts findings |
//! | `violations` | the violations of a device: a count for each rule, and the last offence |
//! | `conditions` | what is wrong with a device at any rate |
//! | `detail` | what a frame of a storm is about |
//! | `device` | what is remembered of one device |

pub(crate) mod booking;
pub(crate) mod conditions;
pub(crate) mod detail;
pub(crate) mod device;
pub(crate) mod violations;
