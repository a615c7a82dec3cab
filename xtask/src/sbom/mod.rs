//! What is linked into the service, for whoever has to know (`CycloneDX` 1.6).
//!
//! The same sources give the same bytes: no time and no random serial number.

mod document;
mod linked;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use self::{document::Document, linked::Linked};
use crate::cargo::{dependency_graph, service_tree};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Of a build without default features, which leaves out what is under the GPL
    #[arg(long)]
    no_default_features: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let features = if options.no_default_features { "--no-default-features" } else { "--features=default" };
    let linked = Linked::read(&service_tree(features)?)?;
    let graph = dependency_graph()?;
    let lock_file = fs::read_to_string(graph.workspace_root.join("Cargo.lock")).context("Cargo.lock")?;
    let document = Document::new(&linked, &graph.packages, &lock_file)?;
    let text = serde_json::to_string_pretty(&document)?;
    match &options.output {
        None => println!("{text}"),
        Some(path) => {
            fs::write(path, text + "\n").with_context(|| path.display().to_string())?;
            println!("{}: {} crates", path.display(), linked.crates().len());
        }
    }
    Ok(ExitCode::SUCCESS)
}
