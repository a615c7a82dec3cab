//! The command line.

#![expect(clippy::doc_markdown, reason = "these texts are printed as they stand")]

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use domain::{EndpointName, EventId, ShieldScope, SigningKeyId};
use jiff::SignedDuration;

/// Two-factor sign-in by phone: password, then a code by text message.
#[derive(Parser)]
#[command(name = "otp-login", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  otp-login                                   start in development mode on 127.0.0.1:3000
  otp-login serve --port 8080                 the same on another port
  otp-login config check                      say everything that is wrong before it matters
  otp-login keys generate >> .env             make the secrets that production needs
  OTP_LOGIN_ENV=production otp-login serve    start for production

Settings come from config/*.toml, then the environment (OTP_LOGIN__SECTION__KEY), then flags.";

/// Where settings come from.
#[derive(Args)]
pub(crate) struct Configuration {
    /// Which defaults apply
    #[arg(long = "env", value_enum, env = "OTP_LOGIN_ENV", default_value = "development", global = true)]
    pub(crate) environment: Environment,
    /// The folder that holds default.toml, development.toml and production.toml
    #[arg(long, env = "OTP_LOGIN_CONFIG_DIR", global = true)]
    pub(crate) config_dir: Option<PathBuf>,
    /// Address to listen on [setting: server.host]
    #[arg(long, global = true)]
    pub(crate) host: Option<String>,
    /// Port to listen on [setting: server.port]
    #[arg(long, global = true)]
    pub(crate) port: Option<String>,
    /// postgres://…, sqlite://path or sqlite::memory: [setting: database.url]
    #[arg(long, global = true)]
    pub(crate) database_url: Option<String>,
}

/// Development starts with nothing set; production refuses what only
/// development may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environment {
    Development,
    Production,
}

impl Environment {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start the service (what no command means)
    Serve,
    /// Look at or change the database schema
    #[command(subcommand)]
    Migrate(Migrate),
    /// Run the Sinch simulator alone
    #[command(
        after_help = "Examples:\n  otp-login simulator\n  OTP_LOGIN__SIMULATOR__PORT=4001 otp-login simulator"
    )]
    Simulator,
    /// Import, export, find, lock and delete accounts
    #[command(subcommand)]
    Users(Users),
    /// Make secrets, and look after the keys that sign access tokens
    #[command(subcommand)]
    Keys(Keys),
    /// See what the fraud shield refuses, and take blocks away
    #[command(subcommand)]
    Fraud(Fraud),
    /// See what became of messages with codes
    #[command(subcommand)]
    Delivery(Delivery),
    /// Show how many messages were sent, delivered and answered, as a table
    #[command(after_help = "Examples:\n  otp-login stats\n  otp-login stats --by prefix --hours 168")]
    Stats(Stats),
    /// Look after the events that are sent to your product
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Choose how passwords are hashed
    #[command(subcommand)]
    Password(Password),
    /// Look at the settings
    #[command(subcommand)]
    Config(Config),
    /// Ask a running service whether it is healthy; exit 0 if so
    Health,
    /// Print shell completions
    #[command(after_help = "Example:\n  otp-login completions bash > /etc/bash_completion.d/otp-login")]
    Completions { shell: Shell },
}

#[derive(Subcommand)]
pub(crate) enum Migrate {
    /// Apply every pending migration (starting the service does this too)
    Up,
    /// Take back the newest migrations; their data is lost
    #[command(after_help = "Example:\n  otp-login migrate down --steps 1")]
    Down {
        /// How many to take back
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// List migrations and whether they are applied
    Status,
}

#[derive(Subcommand)]
pub(crate) enum Users {
    /// Take in people of another system
    ///
    /// Reads rows with email, phone_number, password_hash and verified (true or false), and if wanted
    /// locale, country, created_at, phone_verified_at, id, locked_at and lock_reason. Whose phone is
    /// verified gets an account; everybody else can sign in with the password and then proves the
    /// phone. Hashes are of bcrypt ($2a$, $2b$, $2y$).
    ///
    /// The same file can be imported again at any time, also after it was interrupted: who is there
    /// already is skipped. Exit code 0: all rows are in; 1: some were refused; 2: nothing was read.
    #[command(after_help = "Examples:\n  otp-login users import people.csv --dry-run\n  \
        otp-login users import people.csv --report refused.ndjson\n  \
        other-program | otp-login users import - --format ndjson")]
    Import(ImportUsers),
    /// Print every account
    ///
    /// `import` reads what this prints. In CSV a cell that a spreadsheet could take for a formula
    /// begins with an apostrophe, phone numbers among them; `import` takes it away again.
    #[command(after_help = "Examples:\n  otp-login users export > accounts.ndjson\n  \
        otp-login users export --format csv --with-password-hashes > accounts.csv")]
    Export(ExportUsers),
    /// List the accounts that something names: an id, a number, an e-mail address or part of one
    #[command(after_help = "Examples:\n  otp-login users find ann@\n  otp-login users find +46701234567")]
    Find {
        /// What to look for; every account when left out
        query: Option<String>,
        /// Only accounts after the one with this id
        #[arg(long, value_name = "ID")]
        after: Option<uuid::Uuid>,
    },
    /// Show everything about one account but its password hash
    Show {
        /// Its id, e-mail address or number with +
        name: String,
    },
    /// Let nobody sign in to an account, and end its sessions at once
    #[command(after_help = "Example:\n  otp-login users lock ann@example.com --reason 'phone stolen'")]
    Lock {
        /// Its id, e-mail address or number with +
        name: String,
        /// Why, for other operators
        #[arg(long)]
        reason: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Let the owner of an account sign in again
    Unlock {
        /// Its id, e-mail address or number with +
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Send the owner of an account the code of a password reset
    #[command(
        after_help = "Example:\n  otp-login users reset ann@example.com\n\nThe owner then asks for the reset as usual, gets no second message, and chooses the password."
    )]
    Reset {
        /// Its id, e-mail address or number with +
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Delete an account with everything that hangs on it, for good
    Delete {
        /// Its id, e-mail address or number with +
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
pub(crate) struct ImportUsers {
    /// The file, or - for standard input
    pub(crate) file: PathBuf,
    /// What the file is; told from its name when left out
    #[arg(long, value_enum)]
    pub(crate) format: Option<UsersFormat>,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write every refused row with its line, field, reason and remedy to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ExportUsers {
    /// How to print accounts
    #[arg(long, value_enum, default_value = "ndjson")]
    pub(crate) format: UsersFormat,
    /// With the hashes of passwords: keep the output as safe as the database
    #[arg(long)]
    pub(crate) with_password_hashes: bool,
}

/// How accounts are written in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsersFormat {
    /// RFC 4180, with a header
    Csv,
    /// One JSON object a line
    Ndjson,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Print fresh secrets as environment variables
    #[command(
        after_help = "Examples:\n  otp-login keys generate >> .env\n  otp-login keys generate --jwt ES256"
    )]
    Generate {
        /// Also make a signing key of its own for access tokens: EdDSA, ES256 or HS256
        #[arg(long)]
        jwt: Option<String>,
        /// Also make a key for the admin API
        #[arg(long)]
        admin: bool,
        /// Also make a key by which services may ask about access tokens
        #[arg(long)]
        introspection: bool,
    },
    /// List the keys that sign access tokens, and until when each is accepted
    #[command(after_help = "Example:\n  otp-login keys list")]
    List,
    /// Put a new key in the place of the one that signs; nobody is signed out
    ///
    /// The new key is published first and signs once everybody knows it. The old one is accepted
    /// until its last token ends. Running services follow by themselves.
    #[command(after_help = "Examples:\n  otp-login keys rotate\n  otp-login keys rotate --now")]
    Rotate {
        /// Sign as soon as every replica knows the new key, without the lead time
        ///
        /// Services that check tokens by a copy of the published keys may refuse new tokens until
        /// they fetch them anew.
        #[arg(long)]
        now: bool,
    },
    /// Take a key out of use at once, because somebody else may have it
    ///
    /// Tokens that it signed are refused; clients get new ones with their refresh tokens. Another
    /// key signs at once.
    #[command(
        after_help = "Example:\n  otp-login keys list\n  otp-login keys retire kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )]
    Retire {
        /// Its kid, as `otp-login keys list` shows it
        #[arg(value_name = "KID", value_parser = SigningKeyId::parse, allow_hyphen_values = true)]
        id: SigningKeyId,
    },
}

#[derive(Subcommand)]
pub(crate) enum Webhooks {
    /// List the deliveries that were given up
    #[command(
        after_help = "Examples:\n  otp-login webhooks list\n  otp-login webhooks list --endpoint crm --most 10"
    )]
    List {
        #[command(flatten)]
        which: DeadDeliveries,
        /// How many, the latest first
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        most: u32,
    },
    /// Make deliveries that were given up due again
    #[command(
        after_help = "Examples:\n  otp-login webhooks retry --endpoint crm\n  otp-login webhooks retry --event 0198511c-d1d1-7bf3-909b-85455d310123\n  otp-login webhooks retry --all"
    )]
    Retry {
        #[command(flatten)]
        which: DeadDeliveries,
        /// All that were given up
        #[arg(long, conflicts_with_all = ["endpoint", "event"])]
        all: bool,
    },
    /// Send a signed test event to an endpoint now and say what came of it
    #[command(after_help = "Example:\n  otp-login webhooks test crm")]
    Test {
        /// The endpoint, as the settings call it
        #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
        endpoint: EndpointName,
    },
}

/// Which deliveries are meant.
#[derive(Args)]
pub(crate) struct DeadDeliveries {
    /// Of this endpoint only
    #[arg(long, value_name = "NAME", value_parser = EndpointName::parse)]
    pub(crate) endpoint: Option<EndpointName>,
    /// Of this event only
    #[arg(long, value_name = "ID", value_parser = event_id)]
    pub(crate) event: Option<EventId>,
}

fn event_id(text: &str) -> Result<EventId, &'static str> {
    text.parse().map(EventId).map_err(|_| "write the id of an event, such as `otp-login webhooks list` shows")
}

#[derive(Subcommand)]
pub(crate) enum Fraud {
    /// Say what would happen to a message to a number now, and why
    ///
    /// Shows what each rule counts. Nothing is sent and nothing counted.
    #[command(after_help = "Example:\n  otp-login fraud explain +46701234567")]
    Explain {
        /// The number, with its +
        number: String,
    },
    /// List the prefixes and countries that are blocked
    Blocks,
    /// Take the block of a prefix or a country away, and forget what is held against it
    #[command(after_help = "Examples:\n  otp-login fraud unblock +4670123\n  otp-login fraud unblock SE")]
    Unblock {
        /// A prefix such as +4670123, or the two letters of a country
        #[arg(value_name = "PREFIX|COUNTRY", value_parser = ShieldScope::parse)]
        scope: ShieldScope,
    },
}

#[derive(Subcommand)]
pub(crate) enum Delivery {
    /// Print each message to somebody, with its times, the provider's id, callbacks and outcome
    ///
    /// The number is never printed whole. Somebody who did not finish registering is found by the
    /// number only.
    #[command(
        after_help = "Examples:\n  otp-login delivery trace +46701234567\n  otp-login delivery trace ann@example.com --most 3"
    )]
    Trace {
        /// The id, e-mail address or number with + of an account, or any number with +
        name: String,
        /// How many, the latest first
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        most: u32,
    },
}

#[derive(Args)]
pub(crate) struct Stats {
    /// By what messages are told apart: some of country, prefix, channel and provider, with commas
    /// between
    #[arg(long, default_value = "country,provider")]
    pub(crate) by: String,
    /// How many hours back, the one that runs included
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=2_160))]
    pub(crate) hours: u32,
}

#[derive(Subcommand)]
pub(crate) enum Password {
    /// Measure this machine and say which bcrypt cost suits it
    ///
    /// Run it where the service will run, while nothing else does.
    #[command(
        after_help = "Examples:\n  otp-login password calibrate\n  otp-login password calibrate --target 400ms"
    )]
    Calibrate {
        /// The longest that a lone sign-in may hash
        #[arg(long, default_value = "250ms", value_name = "TIME", value_parser = target)]
        target: Duration,
    },
}

fn target(text: &str) -> Result<Duration, &'static str> {
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| !time.is_zero()).ok_or("write a time such as 250ms or 0.5s")
}

#[derive(Clone, Copy, Subcommand)]
pub(crate) enum Config {
    /// Print every setting and where it comes from; secrets are masked
    Show,
    /// Check every setting and say everything that is wrong
    Check,
}
