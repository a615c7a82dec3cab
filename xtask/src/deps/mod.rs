//! What we let in: licences, the one copyleft crate, and duplicate versions.

mod copyleft;
mod duplicates;
mod licences;

use std::process::ExitCode;

use anyhow::Result;

use crate::cargo::{conclude, dependency_graph};

pub(crate) fn run() -> Result<ExitCode> {
    let everything = dependency_graph()?;
    let complaints =
        [licences::complaints(&everything)?, copyleft::complaints(&everything)?, duplicates::complaints()?]
            .concat();
    let fine = format!(
        "licences, the copyleft feature and duplicate versions of {} crates",
        everything.packages.len()
    );
    Ok(conclude(&fine, &complaints))
}
