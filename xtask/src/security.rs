//! The table of security requirements as a check: `docs/security.md` against the tests in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::conclude;

const DOCUMENT: &str = "docs/security.md";

/// How the table is held against the tests.
#[derive(Args)]
pub(crate) struct Options {
    /// First names new tests in the rows that they are named after, and takes out those that are gone
    #[arg(long)]
    write: bool,
}

/// A requirement, or several that one sentence covers.
struct Row {
    /// Numbers of OWASP ASVS (`6.5.1`) or of the document's own list (`SM-04`).
    ids: Vec<String>,
    /// How it is held where no test can; `open` where it is not held yet.
    otherwise: String,
    tests: BTreeSet<String>,
}

/// Names of functions, and the file that each is in.
type Functions = BTreeMap<String, String>;

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut document = fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    let mut functions = Functions::new();
    collect(&root.join("crates"), "crates", &mut functions)?;
    if options.write {
        document = updated(&document, &functions);
        fs::write(root.join(DOCUMENT), &document).context(DOCUMENT)?;
    }
    let rows = rows(&document);
    let tests: BTreeSet<&String> = rows.iter().flat_map(|row| &row.tests).collect();
    let fine = format!("{} rows of {DOCUMENT} name {} tests, and all are there", rows.len(), tests.len());
    Ok(conclude(&fine, &complaints(&rows, &functions)))
}

/// Adds the functions of every Rust source below `folder`, which complaints call `shown`.
fn collect(folder: &Path, shown: &str, functions: &mut Functions) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| shown.to_owned())? {
        let entry = entry?;
        let shown = format!("{shown}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &shown, functions)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(entry.path()).with_context(|| shown.clone())?;
            functions
                .extend(source.lines().filter_map(function).map(|name| (name.to_owned(), shown.clone())));
        }
    }
    Ok(())
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once(['(', '<'])?;
    Some(name)
}

/// The rows of all tables whose last column is called `Tests`.
fn rows(document: &str) -> Vec<Row> {
    let mut within = false;
    let mut rows = Vec::new();
    for line in document.lines() {
        let cells = cells(line);
        let [first, .., otherwise, tests] = cells.as_slice() else {
            within = false;
            continue;
        };
        let heads = *tests == "Tests";
        if within && !heads && !first.starts_with('-') {
            rows.push(Row {
                ids: first.split_whitespace().map(str::to_owned).collect(),
                otherwise: (*otherwise).to_owned(),
                tests: named(tests),
            });
        }
        within |= heads;
    }
    rows
}

/// The tests that a cell names.
fn named(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inner.map(|inner| inner.split('|').map(str::trim).collect()).unwrap_or_default()
}

/// The rows that a test's name begins with: `asvs_9_1_3_tk_04_a_key_is…` is of 9.1.3 and TK-04.
fn ids_of(name: &str, families: &BTreeSet<&str>) -> Vec<String> {
    let mut words = name.split('_').filter(|word| *word != "and").peekable();
    let mut ids = Vec::new();
    while let Some(word) = words.next() {
        let family = word.to_uppercase();
        let mut numbers = Vec::new();
        while let Some(number) = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
            numbers.push(number);
        }
        match numbers.as_slice() {
            [chapter, section, number, ..] if word == "asvs" => {
                ids.push(format!("{chapter}.{section}.{number}"));
            }
            [number, ..] if families.contains(family.as_str()) => ids.push(format!("{family}-{number}")),
            _ => break,
        }
    }
    ids
}

/// The families of numbers that the rows have, such as `SM`.
fn families(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().flat_map(|row| &row.ids).filter_map(|id| Some(id.split_once('-')?.0)).collect()
}

/// The document with each row's tests as they are: those that are gone left out, and those named
/// after the row behind the ones it had.
fn updated(document: &str, functions: &Functions) -> String {
    let rows = rows(document);
    let families = families(&rows);
    let mut rows = rows.iter();
    let lines = document.split_inclusive('\n').map(|line| {
        let cells = cells(line);
        // Rows are found in the order of their lines.
        let row = rows.as_slice().first().filter(|row| is_line_of(row, &cells));
        let (Some(row), Some((_, kept))) = (row, cells.split_last()) else { return line.to_owned() };
        rows.next();
        let of_row =
            functions.keys().filter(|name| ids_of(name, &families).iter().any(|id| row.ids.contains(id)));
        let mut tests: Vec<&String> = row.tests.iter().filter(|name| functions.contains_key(*name)).collect();
        tests.extend(of_row.filter(|name| !row.tests.contains(*name)));
        let tests = tests.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let kept = kept.join(" | ").replace("|  |", "| |");
        let tests = if tests.is_empty() { "| |".to_owned() } else { format!("| {tests} |") };
        format!("| {} {tests}\n", kept.trim_end())
    });
    lines.collect()
}

/// Whether a line with these cells is where the row was read.
fn is_line_of(row: &Row, cells: &[&str]) -> bool {
    let [first, .., otherwise, tests] = cells else { return false };
    first.split_whitespace().eq(row.ids.iter().map(String::as_str))
        && *otherwise == row.otherwise
        && named(tests) == row.tests
}

fn complaints(rows: &[Row], functions: &Functions) -> Vec<String> {
    let mut complaints: Vec<String> = rows.iter().flat_map(|row| complaints_of_row(row, functions)).collect();
    let families = families(rows);
    for (name, path) in functions {
        for id in ids_of(name, &families) {
            let mut of_id = rows.iter().filter(|row| row.ids.contains(&id)).peekable();
            if of_id.peek().is_none() {
                complaints.push(format!(
                    "`{name}` ({path}) is named after {id}, which {DOCUMENT} does not have: correct the name, or \
                     add `| {id} | what it asks | | `{name}` |` to the table of its section"
                ));
            } else if !of_id.any(|row| row.tests.contains(name)) {
                complaints.push(format!(
                    "`{name}` ({path}) is missing in {DOCUMENT}: add it to the tests of row {id}, or let \
                     `cargo xtask security --write` do it"
                ));
            }
        }
    }
    complaints
}

fn complaints_of_row(row: &Row, functions: &Functions) -> Vec<String> {
    let ids = row.ids.join(" ");
    let gone = row.tests.iter().filter(|name| !functions.contains_key(*name));
    let mut complaints: Vec<String> = gone
        .map(|name| {
            format!(
                "row {ids} of {DOCUMENT} names `{name}`, which is no function below crates/: \
                 name the test that took its place, or take it out"
            )
        })
        .collect();
    if row.tests.is_empty() && row.otherwise.is_empty() {
        complaints.push(format!(
            "row {ids} of {DOCUMENT} names no test: name one, or say in the column before \
             how it is held (`review`, a section), why it does not apply, or `open`"
        ));
    }
    if !row.tests.is_empty() && row.otherwise == "open" {
        complaints.push(format!(
            "row {ids} of {DOCUMENT} says `open` and names tests: take `open` out, or say what of it is open"
        ));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Text with `code_that_is_no_test`.

| Limit | Setting |
|---|---|
| D-01 | `no_test_either` |

| Row | Asks | Otherwise | Tests |
|---|---|---|---|
| 6.5.1 6.5.2 | once | | `asvs_6_5_1_once`, `a_code_works_once` |
| SM-04 | region | review | |
| SM-05 | kinds | review | |
";

    fn functions(names: &[&str]) -> Functions {
        names.iter().map(|name| ((*name).to_owned(), "crates/a/src/lib.rs".to_owned())).collect()
    }

    fn found(document: &str, names: &[&str]) -> Vec<String> {
        complaints(&rows(document), &functions(names))
    }

    #[test]
    fn a_table_that_names_all_tests_and_no_others_is_fine() {
        let found = found(TABLE, &["asvs_6_5_1_once", "a_code_works_once", "of_50_codes_one_wins", "other"]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_named_test_that_does_not_exist_is_told_with_its_row() {
        let found = found(TABLE, &["asvs_6_5_1_once"]);
        assert!(
            matches!(found.as_slice(), [one] if one.contains("row 6.5.1 6.5.2") && one.contains("`a_code_works_once`")),
            "{found:?}"
        );
    }

    #[test]
    fn a_test_that_its_row_does_not_name_is_told_with_file_and_row() {
        let found = found(TABLE, &["asvs_6_5_1_once", "a_code_works_once", "sm_04_by_region"]);
        assert!(
            matches!(found.as_slice(), [one] if one.contains("`sm_04_by_region` (crates/a/src/lib.rs)")
                && one.contains("row SM-04")),
            "{found:?}"
        );
    }

    #[test]
    fn a_test_of_a_row_that_is_not_there_is_told_what_to_add() {
        let found = found(TABLE, &["asvs_6_5_1_once", "a_code_works_once", "asvs_9_9_9_new", "sm_06_new"]);
        assert!(found[0].contains("| 9.9.9 | what it asks | | `asvs_9_9_9_new` |"), "{found:?}");
        assert!(found[1].contains("named after SM-06"), "{found:?}");
    }

    #[test]
    fn a_test_of_several_rows_belongs_to_each() {
        let families = BTreeSet::from(["TK", "RC", "SM"]);
        assert_eq!(ids_of("asvs_9_1_3_tk_04_a_key_is_loaded", &families), ["9.1.3", "TK-04"]);
        assert_eq!(ids_of("rc_05_and_asvs_6_6_3_hold", &families), ["RC-05", "6.6.3"]);
        assert_eq!(ids_of("tk_06_50_rotations_leave_one", &families), ["TK-06"]);
        assert_eq!(ids_of("of_50_codes_one_wins", &families), <[String; 0]>::default());
    }

    #[test]
    fn a_row_that_says_nothing_and_an_open_one_with_tests_are_told() {
        let table = "\
| Row | Asks | Otherwise | Tests |
|---|---|---|---|
| 1.1.1 | a | | |
| 1.1.2 | b | open | `asvs_1_1_2_b` |
";
        let found = found(table, &["asvs_1_1_2_b"]);
        assert!(found[0].contains("row 1.1.1") && found[0].contains("names no test"), "{found:?}");
        assert!(found[1].contains("row 1.1.2") && found[1].contains("`open`"), "{found:?}");
    }

    #[test]
    fn new_tests_are_written_into_their_rows_and_gone_ones_taken_out_of_them() {
        let functions = functions(&["a_code_works_once", "asvs_6_5_2_new", "sm_04_new", "other"]);
        let document = updated(TABLE, &functions);
        assert!(
            document.contains("| 6.5.1 6.5.2 | once | | `a_code_works_once`, `asvs_6_5_2_new` |\n"),
            "{document}"
        );
        assert!(document.contains("| SM-04 | region | review | `sm_04_new` |\n"), "{document}");
        assert!(document.contains("| SM-05 | kinds | review | |\n"), "{document}");
        assert_eq!(complaints(&rows(&document), &functions), <[String; 0]>::default());
        assert_eq!(document.lines().count(), TABLE.lines().count());
        assert_eq!(updated(&document, &functions), document, "nothing is left to be written");
    }

    #[test]
    fn functions_are_found_whatever_stands_before_them() {
        let lines =
            ["    pub async fn a<S>(", "fn b() {", "pub(crate) fn c(", "// fn d", "    fn e(x in 0..9) {"];
        let names: Vec<_> = lines.into_iter().filter_map(function).collect();
        assert_eq!(names, ["a", "b", "c", "e"]);
    }
}
