//! An authenticator in software, and the browser in front of it (`WebAuthn` Level 3).
//!
//! Signs whatever it is told to, also what no honest one would: half of what is
//! tested are answers that a server must refuse.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a panic fails the test")]

use aws_lc_rs::{
    digest,
    rand::{self, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

enum PrivateKey {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// One key pair, and how its authenticator behaves.
#[expect(clippy::struct_excessive_bools, reason = "each is a way to lie, told alone")]
pub struct Authenticator {
    key: PrivateKey,
    credential_id: Vec<u8>,
    /// What it was told at registration, and names its user by.
    user_handle: Option<String>,
    /// How often it signed; grows by one each time, unless it does not count.
    pub counter: u32,
    pub counts: bool,
    pub is_user_present: bool,
    pub verifies_user: bool,
    pub is_backup_eligible: bool,
    pub is_backed_up: bool,
    /// The page that asks.
    pub origin: String,
    /// In place of the relying party that was asked for.
    pub relying_party: Option<String>,
    /// Whether the page is in a frame of another site.
    pub is_in_frame: bool,
    /// Whether its answers name their user.
    pub names_user: bool,
}

impl Authenticator {
    /// One with a P-256 key, whose page is at `origin`: as a security key that knows its user.
    pub fn es256(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Self::with(PrivateKey::Es256(key), origin)
    }

    /// One with an Ed25519 key.
    pub fn ed25519(origin: &str) -> Self {
        Self::with(PrivateKey::Ed25519(Ed25519KeyPair::generate().expect("a key")), origin)
    }

    /// A password manager: its key is in a backup, and it does not count.
    pub fn synced(origin: &str) -> Self {
        Self { counts: false, is_backup_eligible: true, is_backed_up: true, ..Self::es256(origin) }
    }

    fn with(key: PrivateKey, origin: &str) -> Self {
        let mut credential_id = vec![0; 32];
        rand::fill(&mut credential_id).expect("random bytes");
        Self {
            key,
            credential_id,
            user_handle: None,
            counter: 0,
            counts: true,
            is_user_present: true,
            verifies_user: true,
            is_backup_eligible: false,
            is_backed_up: false,
            origin: origin.to_owned(),
            relying_party: None,
            is_in_frame: false,
            names_user: true,
        }
    }

    /// The id of the credential, in base64url.
    pub fn id(&self) -> String {
        BASE64.encode(&self.credential_id)
    }

    /// Takes the credential of another: its id, not its key.
    pub fn pretend_to_be(&mut self, other: &Self) {
        self.credential_id.clone_from(&other.credential_id);
        self.user_handle.clone_from(&other.user_handle);
    }

    /// What a browser sends after `navigator.credentials.create()`.
    pub fn register(&mut self, options: &Value) -> Value {
        self.user_handle = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data("webauthn.create", options);
        let party = options["rp"]["id"].as_str().expect("rp.id");
        let mut data = self.authenticator_data(party, HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential_id.len()).expect("a short id").to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.public_key());
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        attestation.extend(u16::try_from(data.len()).expect("short data").to_be_bytes());
        attestation.extend(data);
        json!({
            "id": self.id(),
            "rawId": self.id(),
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "attestationObject": BASE64.encode(attestation),
                "transports": ["usb", "internal"],
            },
        })
    }

    /// What a browser sends after `navigator.credentials.get()`.
    pub fn answer(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let party = options["rpId"].as_str().expect("rpId");
        let data = self.authenticator_data(party, 0);
        let signature = self.sign(&[data.as_slice(), &sha256(&client_data)].concat());
        let user_handle = self.user_handle.clone().filter(|_| self.names_user);
        json!({
            "id": self.id(),
            "rawId": self.id(),
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(signature),
                "userHandle": user_handle,
            },
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let (challenge, origin) = (&options["challenge"], &self.origin);
        let data = json!({
            "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": self.is_in_frame,
        });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&mut self, party: &str, also: u8) -> Vec<u8> {
        if self.counts {
            self.counter += 1;
        }
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = also
            | flag(self.is_user_present, USER_PRESENT)
            | flag(self.verifies_user, USER_VERIFIED)
            | flag(self.is_backup_eligible, BACKUP_ELIGIBLE)
            | flag(self.is_backed_up, BACKED_UP);
        let party = self.relying_party.as_deref().unwrap_or(party);
        let mut data = sha256(party.as_bytes());
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// In COSE (RFC 9053 §7).
    fn public_key(&self) -> Vec<u8> {
        match &self.key {
            PrivateKey::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat()
            }
            PrivateKey::Ed25519(key) => {
                [b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20", key.public_key().as_ref()].concat()
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            PrivateKey::Es256(key) => {
                key.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
            }
            PrivateKey::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// Changes one byte of a member of an answer's `response`.
pub fn tamper(answer: &mut Value, member: &str, place: usize) {
    let member = &mut answer["response"][member];
    let mut bytes = BASE64.decode(member.as_str().expect("a text")).expect("base64url");
    let place = place % bytes.len();
    bytes[place] ^= 1;
    *member = BASE64.encode(bytes).into();
}
