//! What operators, their programs and resource servers do.

use std::fs;

use serde_json::json;

use super::account::MOVED;
use super::run::{ADMIN_KEY, ANN, HIDDEN, INTROSPECTION_KEY, Run, asked};
use crate::harness::{Request, eventually};

const USERS: &str = "/api/v1/admin/users";
const REASON: &str = "reason that no log may print";
const IMPORTED: &str = "Imported.Unmistakable@example.com";
const IMPORTED_PHONE: &str = "+46701740612";
const NO_HASH: &str = "hunter2-is-no-hash";
/// A hash of the test vectors of jBCrypt.
const HASH: &str = "$2y$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";

impl Run {
    /// The admin API and introspection, with right and wrong keys, and webhooks.
    pub fn operators(&mut self) {
        self.secret("reason of a lock", REASON);
        let tokens = self.signed_in(MOVED);
        let id = self.api().me(&tokens.access).at("/id");
        self.introspections(&tokens.access);

        let found = self.get(&format!("{USERS}?query={}", ANN.email.replace('@', "%40")));
        assert_eq!(asked(&found, ADMIN_KEY, 200).at("/users/0/id"), id);
        for path in [format!("{USERS}/{id}"), format!("{USERS}/{id}/events"), "/api/v1/admin/events".into()] {
            asked(&self.get(&path), ADMIN_KEY, 200);
            asked(&self.get(&path), HIDDEN[4], 401);
        }
        let lock = self.post(&format!("{USERS}/{id}/lock"), &json!({ "reason": REASON }));
        asked(&lock, ADMIN_KEY, 204);
        assert_eq!(self.api().log_in(MOVED).status, 401);
        asked(&self.post(&format!("{USERS}/{id}/unlock"), &json!({})), ADMIN_KEY, 204);
        let sessions = Request::delete(self.api().url(&format!("{USERS}/{id}/sessions")));
        asked(&sessions, ADMIN_KEY, 204);
        eventually("the product is told", || self.events_told() > 5);
    }

    fn introspections(&mut self, access: &str) {
        let ask = |token: &str| {
            let form =
                Request::post_text(self.api().url("/api/v1/auth/token/introspect"), format!("token={token}"));
            form.content_type("application/x-www-form-urlencoded")
        };
        for token in [access, HIDDEN[4]] {
            asked(&ask(token), INTROSPECTION_KEY, 200);
            asked(&ask(token), HIDDEN[4], 401);
        }
    }

    /// Every command that touches a database or a key.
    pub fn commands(&mut self) {
        for text in [IMPORTED, NO_HASH, HASH] {
            self.secret("what a command reads", text);
        }
        self.phone(IMPORTED_PHONE);
        let rows = format!(
            "email,phone_number,password_hash,verified\n{IMPORTED},{IMPORTED_PHONE},{HASH},true\n\
             {IMPORTED},{IMPORTED_PHONE},{NO_HASH},true\n{NO_HASH},{IMPORTED_PHONE},{HASH},true\n"
        );
        fs::write(self.folder().join("people.csv"), rows).unwrap();
        let imported = self.silent_command(&["users", "import", "people.csv", "--report", "refused.ndjson"]);
        assert!(imported.starts_with("Imported"), "{imported}");
        // What was asked for is printed; what is said beside it is not.
        assert!(self.command(&["users", "export", "--with-password-hashes"]).contains(HASH));
        for arguments in [
            &["users", "find", IMPORTED][..],
            &["users", "show", IMPORTED],
            &["users", "lock", IMPORTED, "--reason", REASON, "--yes"],
            &["users", "unlock", IMPORTED, "--yes"],
            &["users", "delete", IMPORTED, "--yes"],
            &["users", "show", "Imported.Unmistakable"],
        ] {
            self.command(arguments);
        }
        let keys = self.silent_command(&["keys", "list"]);
        let key = keys.split_whitespace().find(|word| word.len() == 43).unwrap_or_else(|| panic!("{keys}"));
        self.silent_command(&["keys", "rotate", "--now"]);
        self.silent_command(&["keys", "retire", key]);
        for arguments in [&["list"][..], &["test", "crm"], &["retry", "--all"]] {
            self.silent_command(&[&["webhooks"], arguments].concat());
        }
        for command in [["config", "show"], ["config", "check"], ["migrate", "status"]] {
            self.silent_command(&command);
        }
    }

    /// What is asked of a service, and of commands, that have lost their database.
    pub fn without_a_database(&mut self) {
        self.api().log_in(ANN);
        self.api().register(ANN);
        for command in [["users", "find"], ["keys", "list"], ["migrate", "status"]] {
            self.silent_command(&command);
        }
    }
}
