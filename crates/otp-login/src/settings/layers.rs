//! The layers that settings come from.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, Environment as Variables, File, FileFormat, Map, Source, Value};

use super::{Problem, Problems, reader::variable};
use crate::cli::{Configuration, Environment};

const DEFAULT: &str = include_str!("../../../../config/default.toml");
const DEVELOPMENT: &str = include_str!("../../../../config/development.toml");
const PRODUCTION: &str = include_str!("../../../../config/production.toml");

/// The folder that is looked at when none is named.
const FOLDER: &str = "config";

/// Variables for those who have no other place for them.
const ENV_FILE: &str = ".env";

/// Reads `.env` of the working directory, if there is one. A variable that is
/// set already stays as it is.
pub(crate) fn load_env_file() -> Result<(), Problems> {
    let what = match dotenvy::from_path(ENV_FILE) {
        Ok(()) => return Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(dotenvy::Error::Io(error)) => format!("cannot be read: {error}"),
        // The line may hold a secret, so it is not shown.
        Err(_) => "a line is not NAME=value; quote values that hold spaces or quotes".to_owned(),
    };
    Err(Problems(vec![Problem { variable: ENV_FILE.to_owned(), what }]))
}

/// Puts the layers on top of each other: the files that came with this binary,
/// the files on disk, the environment, the flags.
pub(crate) fn stack(flags: &Configuration) -> Result<Config, ConfigError> {
    let built_in = match flags.environment {
        Environment::Development => DEVELOPMENT,
        Environment::Production => PRODUCTION,
    };
    let mut layers = Config::builder()
        .add_source(File::from_str(DEFAULT, FileFormat::Toml))
        .add_source(File::from_str(built_in, FileFormat::Toml));
    for file in files(flags) {
        layers = layers.add_source(File::from(file));
    }
    let variables =
        Variables::with_prefix("OTP_LOGIN").prefix_separator("__").separator("__").ignore_empty(true);
    layers = layers.add_source(variables);
    let flag = |name, key, value: &Option<String>| Some(Named { name, key, value: value.clone()? });
    let named = [
        well_known("PORT", "server.port"),
        well_known("DATABASE_URL", "database.url"),
        flag("--host", "server.host", &flags.host),
        flag("--port", "server.port", &flags.port),
        flag("--database-url", "database.url", &flags.database_url),
    ];
    for value in named.into_iter().flatten() {
        layers = layers.add_source(value);
    }
    layers.build()
}

/// A folder that somebody named and that is none.
pub(crate) fn missing_folder(flags: &Configuration) -> Option<Problem> {
    let folder = flags.config_dir.as_deref().filter(|folder| !folder.is_dir())?;
    let what = format!("there is no folder {}", folder.display());
    Some(Problem { variable: "OTP_LOGIN_CONFIG_DIR".to_owned(), what })
}

fn files(flags: &Configuration) -> Vec<PathBuf> {
    let folder = flags.config_dir.as_deref().unwrap_or(Path::new(FOLDER));
    let names = ["default".to_owned(), flags.environment.as_str().to_owned()];
    names.iter().map(|name| folder.join(format!("{name}.toml"))).filter(|path| path.is_file()).collect()
}

/// A variable that platforms set, unless the setting has one of our own.
fn well_known(name: &'static str, key: &'static str) -> Option<Named> {
    let is_set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if is_set(&variable(key)).is_some() { None } else { Some(Named { name, key, value: is_set(name)? }) }
}

/// A setting under a name of its own, so that its mistakes are told by that name.
#[derive(Clone)]
struct Named {
    name: &'static str,
    key: &'static str,
    value: String,
}

/// The value may be a database address, which holds a password.
impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Source for Named {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let origin = self.name.to_owned();
        Ok([(self.key.to_owned(), Value::new(Some(&origin), self.value.clone()))].into())
    }
}
