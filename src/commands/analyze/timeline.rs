//! The time line of `analyze`: packets a second by protocol, one character a stretch of time.
//!
//! In: frames by protocol and time. Out: a line for each protocol, at most 100 columns wide, each
//! with a scale of its own.

use super::columns::{row, write_columns};
use crate::decode::Protocol;
use crate::engine::History;
use std::fmt;

/// Columns of a line, at most.
const COLUMNS: usize = 100;
/// From almost none to the most of the line; nothing at all is a blank.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Writes the section; nothing where all frames came within a second or two.
pub(super) fn write(history: &History, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (width, bins) = history.columns(COLUMNS);
    if bins.len() < 3 {
        return Ok(());
    }
    let each = if width == 1 { "1 s".to_owned() } else { format!("{width} s") };
    let head = format!("PACKETS/s, EACH COLUMN {each}");
    let mut rows = vec![row(["PROTOCOL", "MOST", &head])];
    for protocol in Protocol::ALL {
        let counts: Vec<u32> = bins.iter().map(|bin| bin[protocol.index()]).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        if most > 0 {
            let line: String = counts.iter().map(|count| level(*count, most)).collect();
            rows.push(vec![protocol.label().to_owned(), rate(most, width), line]);
        }
    }
    writeln!(f)?;
    write_columns(f, &rows, &[false, true, false])
}

/// Packets a second of a stretch.
fn rate(count: u32, width: u64) -> String {
    if width <= 1 {
        return count.to_string();
    }
    let tenths = u64::from(count) * 10 / width;
    if tenths >= 100 {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

fn level(count: u32, most: u32) -> char {
    if count == 0 {
        return ' ';
    }
    let step = (u64::from(count) * LEVELS.len() as u64).div_ceil(u64::from(most.max(1)));
    let place = usize::try_from(step).unwrap_or(LEVELS.len()).clamp(1, LEVELS.len()) - 1;
    LEVELS[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_own_scale_and_nothing_is_blank() {
        let line = |counts: &[u32]| -> String {
            let most = counts.iter().copied().max().unwrap_or(0);
            counts.iter().map(|count| level(*count, most)).collect()
        };
        assert_eq!(line(&[0, 1, 50, 100]), " ▁▄█");
        assert_eq!(line(&[0, 1, 2]), " ▄█");
        assert_eq!(line(&[u32::MAX, 1]), "█▁");
    }

    #[test]
    fn rates_are_packets_a_second_of_the_stretch() {
        assert_eq!(
            (rate(7, 1), rate(7, 4), rate(400, 4)),
            ("7".into(), "1.7".into(), "100".into())
        );
    }
}
