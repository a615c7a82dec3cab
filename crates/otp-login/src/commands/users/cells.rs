//! Cells of CSV files that spreadsheets would take for formulas (OWASP, CSV Injection).
//!
//! Such a cell is written with an apostrophe before it, which spreadsheets take for "this is
//! text". So that reading gives back exactly what was written, cells that look as if they had one
//! already get another.

use std::borrow::Cow;

/// What spreadsheets take for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The cell as it is written.
pub(super) fn harmless(cell: &str) -> Cow<'_, str> {
    if is_formula(cell.trim_start_matches('\'')) { format!("'{cell}").into() } else { cell.into() }
}

/// The cell as it was before it was written.
pub(super) fn original(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

fn is_formula(cell: &str) -> bool {
    cell.starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_1_2_10_no_cell_is_a_formula() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("+46701234567", "'+46701234567"),
            ("-x", "'-x"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=x", "''=x"),
            ("ann@example.com", "ann@example.com"),
            ("'ann", "'ann"),
            ("", ""),
        ];
        for (cell, written) in cases {
            assert_eq!(harmless(cell), written);
            assert_eq!(original(&harmless(cell)), cell, "what is read back");
        }
        assert_eq!(original("+46701234567"), "+46701234567", "as other programs write it");
    }
}
