//! Which database, by the scheme of its address.

use adapters_sqlite::SqliteUrl;

use super::reader::Reader;

const NO_DEFAULT: &str = "production has no default database; set DATABASE_URL to postgres://user:password@host/database?sslmode=verify-full";

/// The database behind the store ports.
#[derive(Clone)]
pub(crate) enum DatabaseSettings {
    Postgres(Box<adapters_postgres::Settings>),
    Sqlite(SqliteUrl),
}

impl DatabaseSettings {
    /// What a person is told was chosen; never the address, which holds a password.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Postgres(_) => "PostgreSQL".to_owned(),
            Self::Sqlite(SqliteUrl::Memory) => "SQLite in memory: gone when the service stops".to_owned(),
            Self::Sqlite(SqliteUrl::File(path)) => format!("SQLite, {}", path.display()),
        }
    }
}

/// `threads` are those that will use the database at one time.
pub(crate) fn read(reader: &mut Reader, production: bool, threads: usize) -> DatabaseSettings {
    let connections: usize = reader.number("database.max_connections", 1..=1000);
    let url = reader.secret("database.url");
    match parse(&url, connections, threads) {
        Ok(settings) => settings,
        Err(_) if url.is_empty() && production => {
            reader.problem("database.url", NO_DEFAULT);
            DatabaseSettings::Sqlite(SqliteUrl::Memory)
        }
        Err(what) => {
            reader.problem("database.url", what);
            DatabaseSettings::Sqlite(SqliteUrl::Memory)
        }
    }
}

fn parse(url: &str, connections: usize, threads: usize) -> Result<DatabaseSettings, String> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let settings = adapters_postgres::Settings::parse(url, connections, threads);
        return settings
            .map(|settings| DatabaseSettings::Postgres(Box::new(settings)))
            .map_err(|e| e.to_string());
    }
    if url.starts_with("sqlite:") {
        return SqliteUrl::parse(url).map(DatabaseSettings::Sqlite).map_err(|e| e.to_string());
    }
    Err("the address starts with none of postgres://, postgresql://, sqlite:".to_owned())
}
