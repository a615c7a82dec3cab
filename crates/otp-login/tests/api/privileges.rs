//! What the database must allow.

use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::client::Service;

/// Runs statements as the role that the address names; the first value of the last row.
fn execute(url: &str, statements: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let answers = client.simple_query(statements).await?;
        Ok(answers.iter().rev().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    })
}

/// A role that may use what the migrations made, and owns none of it; forgotten at the end.
struct LeastRole {
    owners: String,
    name: String,
    url: String,
}

impl LeastRole {
    /// The grants of the README.
    fn of(owners: &str) -> Self {
        let database = execute(owners, "SELECT current_database()").unwrap().unwrap();
        let name = format!("least_of_{database}");
        let grants = format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'least';
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
            REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
            GRANT CONNECT ON DATABASE {database} TO {name};
            GRANT USAGE ON SCHEMA public TO {name};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name};
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {name};
            REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM {name};"
        );
        execute(owners, &grants).unwrap();
        let separator = if owners.contains('?') { '&' } else { '?' };
        let url = format!("{owners}{separator}user={name}&password=least");
        Self { owners: owners.to_owned(), name, url }
    }
}

impl Drop for LeastRole {
    fn drop(&mut self) {
        let name = &self.name;
        // Best effort: a server of tests ends with them.
        let _ = execute(&self.owners, &format!("DROP OWNED BY {name}; DROP ROLE {name};"));
    }
}

#[test]
fn asvs_13_2_1_a_role_that_owns_nothing_suffices_once_migrated() {
    let owners = testkit::postgres::database();
    drop(Service::at(&owners, &[]));
    let role = LeastRole::of(&owners);
    assert_eq!(execute(&role.url, "SELECT current_user").unwrap().as_ref(), Some(&role.name));
    for forbidden in [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE users ADD COLUMN mine int",
        "DROP TABLE users",
        "TRUNCATE users",
    ] {
        assert!(execute(&role.url, forbidden).is_err(), "{forbidden}");
    }

    let service = Service::at(&role.url, &[("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")]);

    let (person, _) = service.signed_up();
    service.log_in(&person.email, "not the password").refusal(401, "invalid-credentials");
    let tokens = service.signed_in(&person);
    let refreshed = service.refresh(&tokens.refresh_token);
    refreshed.assert_status(200);
    service.log_out(&tokens.access_token).assert_status(204);
    service.get("/health/ready").assert_status(200);
}
