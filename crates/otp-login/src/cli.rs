//! The command line.

#![expect(clippy::doc_markdown, reason = "these texts are printed as they stand")]

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use domain::SigningKeyId;
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
    /// Make secrets, and look after the keys that sign access tokens
    #[command(subcommand)]
    Keys(Keys),
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
pub(crate) enum Keys {
    /// Print fresh secrets as environment variables
    #[command(
        after_help = "Examples:\n  otp-login keys generate >> .env\n  otp-login keys generate --jwt ES256"
    )]
    Generate {
        /// Also make a signing key of its own for access tokens: EdDSA, ES256 or HS256
        #[arg(long)]
        jwt: Option<String>,
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
