//! Finding a verification by the reference it was started under.

use domain::{Channel, PhoneNumber, ProviderId, SendReference};
use ports::ProviderFault;
use reqwest::StatusCode;

use crate::refusal::Refusal;
use crate::request::Request;
use crate::transport::{Answer, Call, NoAnswer, Share};
use crate::wire::{VerificationBody, is_method, is_plain_segment, read_object, reference_text};

/// The verification under `reference`, `None` when Sinch knows of none.
pub(crate) async fn find(
    call: &Call<'_>,
    reference: SendReference,
    phone: &PhoneNumber,
    channel: Channel,
    share: Share,
) -> Result<Option<ProviderId>, ProviderFault> {
    let answer = call.ask(&Request::status(reference), share).await.map_err(NoAnswer::into_fault)?;
    if answer.status != StatusCode::OK {
        return absent(&answer);
    }
    let body: VerificationBody = read_object(&answer.body)
        .ok_or_else(|| ProviderFault("Sinch's status answer is not understood".to_owned()))?;
    let is_ours = body.reference.is_some_and(|text| text == reference_text(reference))
        && body.method.is_some_and(|method| is_method(&method, channel))
        && body.identity.is_some_and(|identity| identity.is(phone));
    match body.id {
        Some(id) if is_ours && is_plain_segment(&id) => Ok(Some(ProviderId(id))),
        _ => Err(ProviderFault("Sinch answered about another verification than was asked about".to_owned())),
    }
}

/// Documented for the unknown is 404/40400; Sinch's page on errors says that
/// 400/40003 is much the same.
fn absent(answer: &Answer) -> Result<Option<ProviderId>, ProviderFault> {
    let refusal = Refusal::read(answer.status, &answer.body);
    if refusal.is_not_found() || refusal.is_wrong_code() {
        return Ok(None);
    }
    refusal.report_to_operator();
    Err(ProviderFault(format!("Sinch did not tell the status: {refusal}")))
}
