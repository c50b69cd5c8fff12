//! How discovery fares on the segment. Nothing here breaks a rule or names a cause.

pub(crate) mod answers;
pub(crate) mod groups;
pub(crate) mod queriers;
pub(crate) mod services;
