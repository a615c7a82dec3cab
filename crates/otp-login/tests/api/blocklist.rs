//! A list of passwords of one's own, beside the embedded one.

use std::fs;

use serde_json::json;

use crate::client::{Answer, Database, Person, Request, Service};

const FILE: &str = "OTP_LOGIN__PASSWORD__BLOCKLIST_FILE";

#[test]
fn asvs_6_2_12_listed_passwords_are_refused_wherever_one_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breached.txt");
    fs::write(&path, "Leaked Last Summer\r\nähnliche passwörter\n").unwrap();
    let service = Service::with(Database::Sqlite, &[(FILE, path.to_str().unwrap())]);
    let refused = |answer: &Answer, field: &str| {
        assert_eq!(answer.refused_fields(), [(field.to_owned(), "too-common".to_owned())]);
    };

    for password in ["leaked last SUMMER", "A\u{308}HNLICHE Passwörter"] {
        let person = Person { password: password.to_owned(), ..service.person() };
        refused(&service.register(&person), "/password");
    }
    let (person, tokens) = service.signed_up();
    let change = json!({"current_password": person.password, "new_password": "leaked last summer"});
    let request = Request::post("/api/v1/me/password").bearer(&tokens.access_token).json(&change);
    refused(&service.send(&request), "/new_password");
    let forgot = service.post("/api/v1/auth/password/forgot", &json!({"email": person.email}));
    let challenge = Service::challenge_in(&forgot, 202).id;
    let reset = json!({"challenge_id": challenge, "code": "123456", "new_password": "leaked last summer"});
    refused(&service.post("/api/v1/auth/password/reset", &reset), "/new_password");
}
