//! Tables of text: cells in columns, the rows that are too many left out. It must not know what is
//! shown.

use std::fmt::{self, Write as _};

/// Rows of a section that are printed; the JSON has them all.
pub(super) const SHOWN: usize = 50;

/// How many rows of a section were left out.
pub(super) fn write_rest(f: &mut fmt::Formatter<'_>, rows: usize) -> fmt::Result {
    if let Some(more) = rows.checked_sub(SHOWN).filter(|n| *n > 0) {
        writeln!(f, "... and {more} more: --output=json has all")?;
    }
    Ok(())
}

pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Writes rows in columns two spaces apart, numbers to the right.
pub(super) fn write_columns(
    f: &mut fmt::Formatter<'_>,
    rows: &[Vec<String>],
    numeric: &[bool],
) -> fmt::Result {
    let widths: Vec<usize> = (0..numeric.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), numeric) in row.iter().zip(&widths).zip(numeric) {
            let padding = " ".repeat(width - cell.chars().count());
            let (before, after) = if *numeric { (&*padding, "") } else { ("", &*padding) };
            let _ = write!(line, "{before}{cell}{after}  ");
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
