//! The database schema.

use crate::{
    cli::Migrate,
    commands::{runtime, stdout::print},
    settings::Settings,
    wiring::Database,
};

pub(crate) fn run(settings: &Settings, command: Migrate) -> anyhow::Result<()> {
    print(&runtime()?.block_on(done(settings, command))?)
}

async fn done(settings: &Settings, command: Migrate) -> anyhow::Result<String> {
    let database = Database::open(&settings.database).await?;
    Ok(match command {
        Migrate::Up => {
            report("Applied", &database.migrate_up().await?, "Nothing to do: every migration is applied.")
        }
        Migrate::Down { steps } => report(
            "Took back",
            &database.migrate_down(steps).await?,
            "Nothing to do: no migration is applied.",
        ),
        Migrate::Status => {
            let status = database.migration_status().await?;
            let lines = status
                .iter()
                .map(|(name, applied)| format!("{}  {name}", if *applied { "applied" } else { "pending" }));
            lines.collect::<Vec<_>>().join("\n")
        }
    })
}

fn report(what: &str, names: &[String], nothing: &str) -> String {
    if names.is_empty() {
        return nothing.to_owned();
    }
    names.iter().map(|name| format!("{what} {name}")).collect::<Vec<_>>().join("\n")
}
