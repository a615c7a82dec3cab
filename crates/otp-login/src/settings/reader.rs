//! Reading settings one by one and remembering every mistake.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    ops::RangeInclusive,
    str::FromStr,
};

use config::{Config, ConfigError, Source, Value, ValueKind};
use domain::CountryCode;

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) variable: String,
    pub(crate) what: String,
}

/// One setting as `config show` prints it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// Hands out settings by key.
///
/// A setting that cannot be used is remembered as a problem and read as some
/// harmless value, so that reading goes on to the next mistake; with problems
/// nothing is started.
pub(crate) struct Reader {
    values: BTreeMap<String, BTreeMap<String, Value>>,
    /// Names of their own under which settings were given, by key.
    own_names: BTreeMap<String, String>,
    problems: Vec<Problem>,
    shown: Vec<Shown>,
}

/// Names, beside flags, by which platforms give settings.
const WELL_KNOWN: [&str; 2] = ["PORT", "DATABASE_URL"];

/// The environment variable that sets `key`.
pub(crate) fn variable(key: &str) -> String {
    format!("OTP_LOGIN__{}", key.replace('.', "__").to_uppercase())
}

impl Reader {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for (section, table) in config.collect()? {
            let mut names = BTreeMap::new();
            flatten(String::new(), table, &mut names);
            values.insert(section, names);
        }
        Ok(Self { values, own_names: BTreeMap::new(), problems: Vec::new(), shown: Vec::new() })
    }

    /// The text of a setting; empty when it is not set.
    pub(crate) fn text(&mut self, key: &str) -> String {
        let (text, origin) = self.take(key);
        self.show(key, text.clone(), origin);
        text
    }

    /// The text of a setting that is masked wherever it is shown.
    pub(crate) fn secret(&mut self, key: &str) -> String {
        let (text, origin) = self.take(key);
        self.show(key, if text.is_empty() { String::new() } else { "********".to_owned() }, origin);
        text
    }

    /// A setting that another program's rules decide about.
    pub(crate) fn parsed<T, E: Display>(
        &mut self,
        key: &str,
        instead: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        let text = self.text(key);
        match parse(&text) {
            Ok(value) => value,
            Err(error) => {
                self.problem(key, format!("{text:?} is not accepted: {error}"));
                instead
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number<T>(&mut self, key: &str, bounds: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let text = self.text(key);
        match text.parse::<T>() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let what =
                    format!("{text:?} is not a whole number from {} to {}", bounds.start(), bounds.end());
                self.problem(key, what);
                *bounds.start()
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &str) -> bool {
        self.parsed(key, false, |text| text.parse::<bool>().map_err(|_| "write true or false"))
    }

    /// One of a few words.
    pub(crate) fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)], instead: T) -> T {
        let accepted = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        self.parsed(key, instead, |text| {
            let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            found.map(|(_, value)| *value).ok_or(format!("write one of {accepted}"))
        })
    }

    /// Lists under `section`, each for the country that its name ends with after `prefix`: the name of
    /// the setting, the country and the list. What is wrong with any of them is told, and left out.
    pub(crate) fn by_country<T, E: Display>(
        &mut self,
        section: &str,
        prefix: &str,
        parse: impl Fn(&str) -> Result<T, E> + Copy,
    ) -> Vec<(String, CountryCode, Vec<T>)> {
        let mut lists = Vec::new();
        for name in self.names(section) {
            let Some(country) = name.strip_prefix(prefix) else { continue };
            let key = format!("{section}.{name}");
            let list = self.list(&key, parse);
            let is_told = list.is_empty() && self.was_set(&key);
            match CountryCode::parse(country) {
                Ok(_) if is_told => {}
                Ok(country) => lists.push((key, country, list)),
                Err(error) => self.problem(&key, error.to_string()),
            }
        }
        lists
    }

    /// A list, separated by commas; each mistake in it is a problem of its own.
    pub(crate) fn list<T, E: Display>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        let text = self.text(key);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let mut list = Vec::new();
        for item in items {
            match parse(item) {
                Ok(value) => list.push(value),
                Err(error) => self.problem(key, format!("{item:?} is not accepted: {error}")),
            }
        }
        list
    }

    /// Remembers what is wrong with a setting. Never repeat a secret in `what`.
    pub(crate) fn problem(&mut self, key: &str, what: impl Into<String>) {
        let name = self.own_names.get(key).cloned().unwrap_or_else(|| variable(key));
        self.problems.push(Problem { variable: name, what: what.into() });
    }

    /// The names of the sections within a section whose settings nobody has read yet.
    pub(crate) fn subsections(&self, section: &str) -> BTreeSet<String> {
        let names = self.values.get(section).into_iter().flat_map(BTreeMap::keys);
        names.filter_map(|name| name.split_once('.')).map(|(section, _)| section.to_owned()).collect()
    }

    /// The names of the settings of a section that nobody has read yet.
    pub(crate) fn names(&self, section: &str) -> Vec<String> {
        self.values.get(section).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Whether a setting that was read had a value.
    pub(crate) fn was_set(&self, key: &str) -> bool {
        self.shown.iter().any(|shown| shown.key == key && !shown.value.is_empty())
    }

    /// Whether somebody gave the setting a value.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        let value = key.split_once('.').and_then(|(section, name)| self.values.get(section)?.get(name));
        value.is_some_and(|value| !text_of(value).is_empty())
    }

    /// All problems, settings that nobody asked for included, and all settings.
    pub(crate) fn finish(mut self) -> (Vec<Problem>, Vec<Shown>) {
        for (section, names) in std::mem::take(&mut self.values) {
            for name in names.into_keys() {
                if name.is_empty() {
                    self.problem(
                        &section,
                        "this is a section; its settings have a name behind two more underscores",
                    );
                    continue;
                }
                let key = format!("{section}.{name}");
                self.problem(&key, "there is no such setting; `otp-login config show` lists all there are");
            }
        }
        (self.problems, self.shown)
    }

    fn take(&mut self, key: &str) -> (String, String) {
        let value =
            key.split_once('.').and_then(|(section, name)| self.values.get_mut(section)?.remove(name));
        let origin = value.as_ref().and_then(|value| value.origin()).unwrap_or("default").to_owned();
        if origin.starts_with("--") || WELL_KNOWN.contains(&origin.as_str()) {
            self.own_names.insert(key.to_owned(), origin.clone());
        }
        (value.as_ref().map(text_of).unwrap_or_default(), origin)
    }

    fn show(&mut self, key: &str, value: String, origin: String) {
        self.shown.push(Shown { key: key.to_owned(), value, origin });
    }
}

/// Puts the settings of a section, and of the sections within it, under names with dots. A
/// section that is no table holds one setting without a name.
fn flatten(name: String, value: Value, into: &mut BTreeMap<String, Value>) {
    let ValueKind::Table(table) = value.kind else {
        into.insert(name, value);
        return;
    };
    for (inner, value) in table {
        let name = if name.is_empty() { inner } else { format!("{name}.{inner}") };
        flatten(name, value, into);
    }
}

/// Lists may also be written as lists.
fn text_of(value: &Value) -> String {
    value.clone().into_array().map_or_else(
        |_| value.clone().into_string().unwrap_or_default(),
        |items| items.into_iter().filter_map(|item| item.into_string().ok()).collect::<Vec<_>>().join(","),
    )
}
