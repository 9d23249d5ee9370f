//! The multiplier as a dot diagram.

use super::kept_in_row;

/// The 64 partial products as an ASCII dot diagram, each column one weight of the product:
/// `#` is kept, `.` is dropped. One line per activation bit.
pub fn dot_diagram(mask: u64) -> String {
    let mut lines =
        vec![format!("column  {}", (0..15).rev().map(|c| format!("{c:>3}")).collect::<String>())];
    for row in 0..8u32 {
        let dots: String = (0..15)
            .rev()
            .map(|column: u32| match column.checked_sub(row) {
                Some(bit) if bit < 8 && kept_in_row(mask, row) >> bit & 1 == 1 => "  #",
                Some(bit) if bit < 8 => "  .",
                _ => "   ",
            })
            .collect();
        lines.push(format!("    a{row}  {dots}").trim_end().to_string());
    }
    let kept = mask.count_ones();
    lines.push(format!("# kept: {kept} of 64   . dropped: {}", 64 - kept));
    lines.join("\n")
}
