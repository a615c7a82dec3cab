//! One `PostgreSQL` cluster for one run of tests or measurements, which ends with it
//! however it ends.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::server_programs::ServerPrograms;

/// A unix socket's path has at most 107 bytes, and the server adds its own name.
const LONGEST_FOLDER: usize = 60;

/// Owns the cluster. Its standard input ends when this process does, even by
/// `kill -9`; then it ends the process group whose id it read last, the cluster
/// and the folder. It is in no terminal's foreground, so Ctrl-C passes it by.
const WATCHDOG: &str = r#"
parent=$1 owner=$2 programs=$3 port=$4
shift 4 # "$@" is now what runs a program as the server's user
server=
trap '' HUP INT PIPE TERM

folder=$(mktemp -d "$parent/otp-login-xtask.XXXXXX") || exit 1
cd "$folder" || exit 1

make() {
    (umask 077 && echo "$PGPASSWORD" >password) || return
    if [ -n "$owner" ]; then chown "$owner" . password || return; fi
    "$@" "$programs/initdb" -D data -U postgres --auth-local=trust --auth-host=scram-sha-256 \
        --pwfile=password -E UTF8 --locale=C --no-sync
}

is_ready() { grep -qs ready data/postmaster.pid; }

start() {
    "$@" "$programs/postgres" -D data -k "$folder" -c listen_addresses="${port:+127.0.0.1}" \
        -c port="${port:-5432}" -c max_connections=300 \
        -c fsync=off -c full_page_writes=off -c synchronous_commit=off &
    server=$!
    until is_ready; do
        kill -s 0 "$server" 2>/dev/null || return
        sleep 0.05
    done
}

stop_group() {
    kill -s TERM -- "-$1" || return
    for tenth in $(seq 150); do
        kill -s 0 -- "-$1" || return
        sleep 0.1
    done
    kill -s KILL -- "-$1"
}

if make "$@" >server.log 2>&1 </dev/null && start "$@" >>server.log 2>&1 </dev/null; then
    echo "$folder"
    group=
    while read -r order; do group=$order; done
    if [ -n "$group" ]; then stop_group "$group" 2>/dev/null; fi
else
    echo
    cat server.log
fi
if [ -n "$server" ]; then
    kill -s QUIT "$server" 2>/dev/null
    wait "$server"
fi
cd / && rm -rf "$folder"
"#;

pub(crate) struct Cluster {
    watchdog: Child,
    orders: ChildStdin,
    folder: PathBuf,
    password: String,
}

impl Cluster {
    /// Makes and starts a cluster that listens on a unix socket in its own folder,
    /// and on `port` of 127.0.0.1 if there is one.
    /// `PostgreSQL` refuses to run as root, so root gives it to another user.
    pub(crate) fn start(programs: &ServerPrograms, port: Option<u16>) -> Result<Self> {
        let user = ServerUser::choose()?;
        let password = random_password()?;
        let parent = parent_folder(user.is_some())?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCHDOG, "watchdog"]).arg(parent);
        command.arg(user.as_ref().map_or_else(String::new, ServerUser::owner));
        command.arg(programs.folder());
        command.arg(port.map_or_else(String::new, |port| port.to_string()));
        command.args(user.iter().flat_map(ServerUser::prefix));
        let mut watchdog = command
            .env("PGPASSWORD", &password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("/bin/sh")?;
        let orders = watchdog.stdin.take().context("no pipe to the watchdog")?;
        let answers = watchdog.stdout.take().context("no pipe from the watchdog")?;
        let folder = read_folder(answers);
        if folder.is_err() {
            watchdog.wait().context("the watchdog is gone")?;
        }
        let folder = folder?;
        Ok(Self { watchdog, orders, folder, password })
    }

    /// Only its owner may look into it, and it goes with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a connection over TCP has to know: other users reach the port too.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// The server's URL with `{db}` where a database's name goes.
    pub(crate) fn url(&self) -> String {
        format!("postgres:///{{db}}?host={}&user=postgres", self.folder.display())
    }

    /// Has the process group ended if this process dies first.
    pub(crate) fn end_with_us(&mut self, group: u32) -> Result<()> {
        writeln!(self.orders, "{group}").context("the watchdog is gone")
    }

    /// Takes back [`Cluster::end_with_us`]; the group's id may soon be another's.
    pub(crate) fn nothing_to_end(&mut self) -> Result<()> {
        writeln!(self.orders).context("the watchdog is gone")
    }

    /// Stops the cluster and waits until nothing is left of it.
    pub(crate) fn end(mut self) -> Result<()> {
        drop(self.orders);
        self.watchdog.wait().context("the watchdog is gone")?;
        ensure!(!self.folder.exists(), "{} could not be removed", self.folder.display());
        Ok(())
    }
}

/// The cluster's folder, once it is ready; else the error with the server's log.
fn read_folder(answers: ChildStdout) -> Result<PathBuf> {
    let mut answers = BufReader::new(answers);
    let mut folder = String::new();
    answers.read_line(&mut folder).context("the watchdog")?;
    if folder.trim().is_empty() {
        let mut log = String::new();
        answers.read_to_string(&mut log).context("the watchdog")?;
        bail!("PostgreSQL did not start (tests can use another one: set TEST_DATABASE_URL). It says:\n{log}");
    }
    Ok(folder.trim().into())
}

fn random_password() -> Result<String> {
    let mut random = [0; 16];
    let source = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random));
    source.context("/dev/urandom")?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

/// A folder that is short enough for sockets, in a URL as it is, and, for another
/// user, reachable.
fn parent_folder(for_another_user: bool) -> Result<PathBuf> {
    let mut candidates = [env::temp_dir(), "/tmp".into()].into_iter();
    let usable = candidates.find(|folder| {
        let text = folder.to_string_lossy();
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        plain && text.len() <= LONGEST_FOLDER && (!for_another_user || is_open_to_all(folder))
    });
    usable.context("neither TMPDIR nor /tmp can hold a PostgreSQL of our own: set TMPDIR to a folder with a short, plain path")
}

fn is_open_to_all(folder: &Path) -> bool {
    let mut ancestors = folder.ancestors();
    ancestors.all(|folder| fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}

/// The user that runs the server in root's place.
struct ServerUser {
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// None unless this process is root's. `postgres` where it exists, else `nobody`.
    fn choose() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        let found = ["postgres", "nobody"].iter().find_map(|name| Self::of(name, &accounts));
        found
            .map(Some)
            .context("root cannot run PostgreSQL, and there is neither a user `postgres` nor `nobody`")
    }

    /// From lines `name:password:uid:gid:…`, see passwd(5).
    fn of(name: &str, accounts: &str) -> Option<Self> {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }

    /// For chown(1).
    fn owner(&self) -> String {
        format!("{}:{}", self.uid, self.gid)
    }

    /// What, put before a command, runs it as this user.
    fn prefix(&self) -> [String; 4] {
        [
            "setpriv".into(),
            format!("--reuid={}", self.uid),
            format!("--regid={}", self.gid),
            "--clear-groups".into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/:/bin/sh\n";
        let user = ServerUser::of("postgres", accounts).unwrap();
        assert_eq!(user.owner(), "101:104");
        assert!(ServerUser::of("nobody", accounts).is_none());
    }
}
