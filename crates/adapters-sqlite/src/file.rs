//! The file of a database, and the lock that serialises those who prepare it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf, absolute},
};

use diesel::{
    QueryableByName, RunQueryDsl, SqliteConnection,
    connection::{Connection, SimpleConnection},
    sql_types::Text,
};

use crate::pool::{SETUP, retry_while_busy};

/// A database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The folder is missing and cannot be made.
    #[error("the folder {} cannot be made", path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// The file, or the lock file beside it, cannot be made or opened.
    #[error("the file {} cannot be opened for writing", path.display())]
    File { path: PathBuf, source: io::Error },
    /// SQLite cannot use the file: it is none of its files, or its file system
    /// cannot share memory.
    #[error("SQLite cannot use the database")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A database file that is there, in WAL mode.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    path: PathBuf,
    identity: (u64, u64),
}

/// Held until dropped; other processes and other handles of this one wait.
pub(crate) struct FileLock(#[expect(dead_code, reason = "unlocks when closed")] File);

impl DataFile {
    /// Makes folder and file where missing, for the owner only, and switches
    /// the file to write-ahead logging. Blocks.
    pub(crate) fn prepare(path: &Path) -> Result<Self, ConnectError> {
        let path = absolute(path).map_err(|source| file_error(path, source))?;
        make_folder(&path)?;
        let file = owned(&path).map_err(|source| file_error(&path, source))?;
        let identity = identity(&file.metadata().map_err(|source| file_error(&path, source))?);
        let prepared = Self { path, identity };
        // Switching the journal ignores the busy timeout, so it takes turns.
        let lock = prepared.lock().map_err(|source| file_error(&prepared.path, source))?;
        prepared.log_ahead()?;
        drop(lock);
        Ok(prepared)
    }

    /// Waits for the lock beside the file. Blocks.
    pub(crate) fn lock(&self) -> io::Result<FileLock> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let file = owned(Path::new(&path))?;
        file.lock()?;
        Ok(FileLock(file))
    }

    /// What SQLite opens: never makes a file, so that one that was removed is
    /// missed instead of replaced by an empty one.
    pub(crate) fn uri(&self) -> Result<String, ConnectError> {
        let path = self.path.to_str().ok_or_else(|| {
            file_error(&self.path, io::Error::new(io::ErrorKind::InvalidFilename, "the path is not UTF-8"))
        })?;
        let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        Ok(format!("file:{escaped}?mode=rw"))
    }

    /// Whether the file that was prepared is still the one at its path.
    pub(crate) fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.identity)
    }

    fn log_ahead(&self) -> Result<(), ConnectError> {
        #[derive(QueryableByName)]
        struct Journal {
            #[diesel(sql_type = Text)]
            journal_mode: String,
        }
        let database = |error: Box<dyn std::error::Error + Send + Sync>| ConnectError::Database(error);
        let mut connection =
            SqliteConnection::establish(&self.uri()?).map_err(|error| database(Box::new(error)))?;
        // A process that closes the file may hold it although it takes no turn.
        let journal: Journal = retry_while_busy(|| {
            connection.batch_execute(SETUP)?;
            diesel::sql_query("PRAGMA journal_mode = WAL").get_result(&mut connection)
        })
        .map_err(|error| database(Box::new(error)))?;
        match journal.journal_mode.as_str() {
            "wal" => Ok(()),
            _ => Err(database("the file system of the database allows no write-ahead log".into())),
        }
    }
}

fn make_folder(path: &Path) -> Result<(), ConnectError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| ConnectError::Folder { path: folder.to_owned(), source })
}

/// SQLite gives its own further files the mode of this one.
fn owned(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn file_error(path: &Path, source: io::Error) -> ConnectError {
    ConnectError::File { path: path.to_owned(), source }
}
