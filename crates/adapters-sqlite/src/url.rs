//! Where a database is.

use std::path::PathBuf;

/// Where a database is: `sqlite:` and what follows of `DATABASE_URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqliteUrl {
    /// `sqlite::memory:`: a database of this process alone, gone with it.
    Memory,
    /// `sqlite:path`, `sqlite://path` or `sqlite:///absolute/path`.
    File(PathBuf),
}

/// The text names no SQLite database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write sqlite://path/of/the/file or sqlite::memory:, without parameters")]
pub struct InvalidSqliteUrl;

impl SqliteUrl {
    /// Reads a `DATABASE_URL`. A relative path is meant from the working folder.
    pub fn parse(text: &str) -> Result<Self, InvalidSqliteUrl> {
        let rest = text.strip_prefix("sqlite:").ok_or(InvalidSqliteUrl)?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            ":memory:" => Ok(Self::Memory),
            "" => Err(InvalidSqliteUrl),
            _ if path.contains(['?', '\0']) => Err(InvalidSqliteUrl),
            _ => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_memory_or_a_file() {
        let file = |path: &str| Ok(SqliteUrl::File(PathBuf::from(path)));
        assert_eq!(SqliteUrl::parse("sqlite::memory:"), Ok(SqliteUrl::Memory));
        assert_eq!(SqliteUrl::parse("sqlite://data/otp.db"), file("data/otp.db"));
        assert_eq!(SqliteUrl::parse("sqlite:data/otp.db"), file("data/otp.db"));
        assert_eq!(SqliteUrl::parse("sqlite:///var/lib/otp.db"), file("/var/lib/otp.db"));
    }

    #[test]
    fn what_names_no_database_is_refused() {
        for text in ["", "sqlite:", "sqlite://", "postgres://host/db", "/var/otp.db", "sqlite://a?mode=ro"] {
            assert_eq!(SqliteUrl::parse(text), Err(InvalidSqliteUrl), "{text}");
        }
    }
}
