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

/// So many of a thing whose plural has an `s`: `1 device`, `2 devices`.
pub(super) fn counted(count: impl Into<u64>, thing: &str) -> String {
    let count = count.into();
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Leaves out a column of numbers that are all 0.
pub(super) fn without_zeros(rows: &mut [Vec<String>], numeric: &mut Vec<bool>, column: usize) {
    if rows.iter().skip(1).all(|row| row[column] == "0") {
        for row in rows {
            row.remove(column);
        }
        numeric.remove(column);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_a_column_of_zeros_is_left_out() {
        let told = [0_u64, 1, 2].map(|count| counted(count, "device"));
        assert_eq!(told, ["0 devices", "1 device", "2 devices"]);
        for (last, columns) in [("0", 2), ("7", 3)] {
            let mut rows =
                vec![row(["WHO", "N", "M"]), row(["a", "0", "3"]), row(["b", last, "0"])];
            let mut numeric = vec![false, true, true];
            without_zeros(&mut rows, &mut numeric, 1);
            assert_eq!((rows[0].len(), rows[2].len(), numeric.len()), (columns, columns, columns));
        }
    }
}
