//! tmp
/// tmp
#[derive(Debug,Clone,Copy,clap::ValueEnum)]
pub enum Choice {/// a
Auto}
