//! People with accounts.

use std::ops::Range;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::connection::{Connection, get, post};

/// Who sign up side by side.
const LANES: u32 = 8;
const PASSWORD: &str = "four unrelated words";
/// Any digit but 0 may follow +46 70. The simulator's magic numbers are far above.
const FIRST_NUMBER: u64 = 46_701_000_000;

/// Somebody with an account and a live session.
pub(crate) struct Person {
    email: String,
    phone: String,
    access_token: String,
}

impl Person {
    pub(crate) fn login_request(&self) -> Vec<u8> {
        post("/api/v1/auth/login", &json!({"email": self.email, "password": PASSWORD}))
    }

    pub(crate) fn me_request(&self) -> Vec<u8> {
        get("/api/v1/me", Some(&self.access_token))
    }

    /// Registers, and proves the phone with the code that arrives.
    async fn register(service: u16, simulator: u16, number: u32) -> Result<Self> {
        let phone = format!("+{}", FIRST_NUMBER + u64::from(number));
        let mut person = Self { email: format!("p{number}@example.com"), phone, access_token: String::new() };
        let form = json!({"email": person.email, "password": PASSWORD, "phone_number": person.phone});
        let mut connection = Connection::open(service).await?;
        let request = post("/api/v1/auth/register", &form);
        let registered = connection.exchange(&request).await?.json(201).context("register")?;
        person.access_token = person.verify(&mut connection, simulator, &registered).await?;
        Ok(person)
    }

    /// Signs in from the password to the tokens. Needs a resend cooldown of 0, or
    /// no message comes so soon after the registration's.
    pub(crate) async fn sign_in(&self, service: u16, simulator: u16) -> Result<()> {
        let mut connection = Connection::open(service).await?;
        let begun = connection.exchange(&self.login_request()).await?.json(200).context("login")?;
        self.verify(&mut connection, simulator, &begun).await.map(|_| ())
    }

    async fn verify(&self, connection: &mut Connection, simulator: u16, begun: &Value) -> Result<String> {
        let challenge = begun.pointer("/challenge/id").context("no challenge")?;
        let code = self.newest_code(simulator).await?;
        let request = post("/api/v1/auth/otp/verify", &json!({"challenge_id": challenge, "code": code}));
        let tokens = connection.exchange(&request).await?.json(200).context("verify")?;
        Ok(tokens.get("access_token").and_then(Value::as_str).context("no access token")?.to_owned())
    }

    async fn newest_code(&self, simulator: u16) -> Result<Value> {
        let request = get(&format!("/inbox?number=%2B{}", self.phone.trim_start_matches('+')), None);
        let inbox =
            Connection::open(simulator).await?.exchange(&request).await?.json(200).context("inbox")?;
        inbox.pointer("/messages/0/code").cloned().context("no message in the inbox")
    }
}

/// Registers a person for each number.
pub(crate) async fn sign_up(service: u16, simulator: u16, numbers: Range<u32>) -> Result<Vec<Person>> {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let own: Vec<u32> = numbers.clone().filter(|number| number % LANES == lane).collect();
        lanes.spawn(async move {
            let mut people = Vec::new();
            for number in own {
                people.push(Person::register(service, simulator, number).await?);
            }
            anyhow::Ok(people)
        });
    }
    let mut people = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        people.extend(lane??);
    }
    Ok(people)
}
