//! The database schema.

use crate::{cli::Migrate, commands::runtime, settings::Settings, wiring::Database};

pub(crate) fn run(settings: &Settings, command: Migrate) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let database = Database::open(&settings.database).await?;
        match command {
            Migrate::Up => {
                report("Applied", &database.migrate_up().await?, "Nothing to do: every migration is applied.")
            }
            Migrate::Down { steps } => {
                report(
                    "Took back",
                    &database.migrate_down(steps).await?,
                    "Nothing to do: no migration is applied.",
                );
            }
            Migrate::Status => {
                for (name, applied) in database.migration_status().await? {
                    println!("{}  {name}", if applied { "applied" } else { "pending" });
                }
            }
        }
        Ok(())
    })
}

fn report(what: &str, names: &[String], nothing: &str) {
    if names.is_empty() {
        println!("{nothing}");
    }
    for name in names {
        println!("{what} {name}");
    }
}
