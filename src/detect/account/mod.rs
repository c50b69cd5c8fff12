//! What is booked on whom: violations, those that wait for a verdict, and the memory of a device.

pub(crate) mod deferred;
pub(crate) mod violations;
pub(crate) mod watch;
