//! Checking a code.

use domain::Code;
use ports::{CodeCheck, ProviderFault, StartedVerification};
use reqwest::StatusCode;

use crate::refusal::{Refusal, documented_reason};
use crate::request::Request;
use crate::transport::{Answer, NoAnswer, Share, Transport};
use crate::wire::{VerificationBody, is_method, is_plain_segment, read_object};

/// Reports `code` and says what Sinch said of it.
///
/// When the answer is lost it stays lost: the status of the verification might
/// tell of a right code in another request, which must not let this one in.
pub(crate) async fn check(
    transport: &Transport,
    verification: &StartedVerification,
    code: &Code,
) -> Result<CodeCheck, ProviderFault> {
    if !is_plain_segment(&verification.id.0) {
        return Err(fault("the verification was not started by Sinch"));
    }
    let request = Request::report(&verification.id, verification.channel, code);
    let call = transport.begin().await.map_err(NoAnswer::into_fault)?;
    let answer = call.ask(&request, Share::Rest).await.map_err(NoAnswer::into_fault)?;
    if answer.status == StatusCode::OK { verdict(&answer, verification) } else { refused(&answer) }
}

fn verdict(answer: &Answer, asked: &StartedVerification) -> Result<CodeCheck, ProviderFault> {
    let body: VerificationBody =
        read_object(&answer.body).ok_or_else(|| fault("Sinch's answer to a report is not understood"))?;
    let is_ours = body.id.is_some_and(|id| id == asked.id.0)
        && body.method.is_some_and(|method| is_method(&method, asked.channel))
        // Not documented any more, but believed when it speaks against.
        && body.identity.is_none_or(|identity| identity.is(&asked.phone));
    if !is_ours {
        return Err(fault("Sinch answered about another verification than was asked about"));
    }
    let status = body.status.unwrap_or_default().to_ascii_uppercase();
    let reason = documented_reason(body.reason.as_deref());
    match (status.as_str(), reason) {
        ("SUCCESSFUL", _) => Ok(CodeCheck::Accepted),
        ("FAIL", "Invalid code" | "Invalid CLI") => Ok(CodeCheck::Wrong),
        ("FAIL", "Expired" | "Hung up without entering valid code") | ("ABORTED", _) => Ok(CodeCheck::Gone),
        ("FAIL" | "DENIED" | "ERROR" | "PENDING", _) => {
            tracing::warn!(provider = "sinch", status, reason, "a code was not judged");
            Err(ProviderFault(format!("Sinch did not judge a code: {status}, {reason}")))
        }
        _ => Err(fault("Sinch answered with a status that is not documented")),
    }
}

fn refused(answer: &Answer) -> Result<CodeCheck, ProviderFault> {
    let refusal = Refusal::read(answer.status, &answer.body);
    if refusal.is_wrong_code() {
        return Ok(CodeCheck::Wrong);
    }
    if refusal.is_not_found() {
        return Ok(CodeCheck::Gone);
    }
    refusal.report_to_operator();
    Err(ProviderFault(format!("Sinch did not judge a code: {refusal}")))
}

fn fault(text: &str) -> ProviderFault {
    ProviderFault(text.to_owned())
}
