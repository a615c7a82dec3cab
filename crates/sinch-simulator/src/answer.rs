//! The bodies of successful answers.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::numbering;
use crate::verification::{Method, Outcome, Status, Verification};
use crate::wording::Language;

/// Seconds by which clients stop waiting for an SMS before it expires, as in
/// captured answers (298 of 300).
const INTERCEPTION_MARGIN: i64 = 2;

/// The answer to a start. `base_url` has no slash at its end.
pub(crate) fn started(verification: &Verification, language: Language, base_url: &str) -> Value {
    let href = format!("{base_url}/verification/v1/verifications/id/{}", verification.id);
    let mut body = json!({
        "id": verification.id,
        "method": verification.method.name(),
        "_links": [
            { "rel": "status", "href": href, "method": "GET" },
            { "rel": "report", "href": href, "method": "PUT" },
        ],
    });
    if let (Some((key, details)), Some(fields)) =
        (method_details(verification, language, base_url), body.as_object_mut())
    {
        fields.insert(key.to_owned(), details);
    }
    body
}

fn method_details(
    verification: &Verification,
    language: Language,
    base_url: &str,
) -> Option<(&'static str, Value)> {
    let code_type = verification.code_type.name();
    let life = (verification.expires_at.duration_since(verification.created_at)).as_secs();
    match verification.method {
        Method::Sms => {
            let wait = (life - INTERCEPTION_MARGIN).max(1);
            let details =
                json!({ "template": language.template, "interceptionTimeout": wait, "codeType": code_type });
            Some(("sms", details))
        }
        Method::Flashcall => {
            let wait = life - FLASHCALL_REPORT_MARGIN;
            let details = json!({
                "cliFilter": cli_filter(&verification.code),
                "interceptionTimeout": wait,
                "reportTimeout": life,
                "denyCallAfter": 0,
                "callId": verification.id,
            });
            Some(("flashCall", details))
        }
        Method::Callout => None,
        Method::Seamless => {
            Some(("seamless", json!({ "targetUri": format!("{base_url}/seamless/{}", verification.id) })))
        }
        Method::Whatsapp => Some(("whatsapp", json!({ "codeType": code_type }))),
    }
}

/// Seconds left to report a flash call after the wait for it ended.
pub(crate) const FLASHCALL_REPORT_MARGIN: i64 = 30;

/// Four digits in the middle of the calling number, as in captured answers;
/// the rest is what the handset has to find out.
fn cli_filter(calling_digits: &str) -> String {
    format!("(.*){}(.*)", calling_digits.get(3..7).unwrap_or_default())
}

/// The answer to a report.
pub(crate) fn reported(verification: &Verification, outcome: Outcome) -> Value {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), verification.id.as_str().into());
    fields.insert("method".to_owned(), verification.method.name().into());
    add_outcome(&mut fields, outcome);
    if verification.method.is_call() {
        fields.insert("callComplete".to_owned(), true.into());
    }
    Value::Object(fields)
}

/// The answer to a status request.
pub(crate) fn status(verification: &Verification, now: Timestamp) -> Value {
    let outcome = verification.outcome(now);
    let mut fields = Map::new();
    fields.insert("id".to_owned(), verification.id.as_str().into());
    fields.insert("method".to_owned(), verification.method.name().into());
    add_outcome(&mut fields, outcome);
    if let Some(reference) = &verification.reference {
        fields.insert("reference".to_owned(), reference.as_str().into());
    }
    fields.insert("identity".to_owned(), json!({ "type": "number", "endpoint": verification.number }));
    if let Some(country) = numbering::country(&verification.number) {
        fields.insert("countryId".to_owned(), country.into());
    }
    fields.insert("verificationTimestamp".to_owned(), timestamp(verification.created_at).into());
    if let Some(source) = verification.source {
        fields.insert("source".to_owned(), json!(source));
    }
    if outcome.status != Status::Pending {
        add_settlement(&mut fields, verification.method, outcome.status);
    }
    Value::Object(fields)
}

fn add_outcome(fields: &mut Map<String, Value>, outcome: Outcome) {
    fields.insert("status".to_owned(), json!(outcome.status));
    if let Some(reason) = outcome.reason {
        fields.insert("reason".to_owned(), reason.into());
    }
}

/// Price and call result are known only at the end.
fn add_settlement(fields: &mut Map<String, Value>, method: Method, status: Status) {
    let euro = |amount: f64| json!({ "currencyId": "EUR", "amount": amount });
    let mut price = json!({ "verificationPrice": euro(method.price()) });
    if method.is_call() {
        let answered = status == Status::Successful;
        price = json!({
            "verificationPrice": euro(method.price()),
            "terminationPrice": euro(0.0),
            "billableDuration": 0,
        });
        fields.insert("callComplete".to_owned(), true.into());
        fields.insert("callResult".to_owned(), if answered { "ANSWERED" } else { "NO_ANSWER" }.into());
    }
    fields.insert("price".to_owned(), price);
}

/// UTC with seven digits and, as Sinch has it, without `Z`.
fn timestamp(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.7f").to_string()
}
