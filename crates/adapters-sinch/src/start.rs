//! Starting a verification, once.

use domain::{Locale, ProviderId};
use ports::{CodeRequest, NotSent, ProviderFault, StartError};
use reqwest::StatusCode;

use crate::find::find;
use crate::refusal::{Refusal, RefusedStart};
use crate::request::Request;
use crate::transport::{Answer, Call, NoAnswer, Share, Transport};
use crate::wire::{VerificationBody, is_method, is_plain_segment, read_object};

/// What one request to start came to.
enum Sent {
    Started(ProviderId),
    NotSent(NotSent),
    /// Sinch knows the reference: an earlier request arrived.
    Earlier,
    /// No answer, or one that leaves open whether something was started.
    Unclear(ProviderFault),
    /// Something was started, but what the answer tells of it cannot be believed.
    Unbelievable(ProviderFault),
}

/// Makes a code and sends it.
///
/// A request whose end is unclear is looked up by its reference and, if Sinch
/// knows nothing of it, made once more under the same reference: should the
/// first arrive after all, Sinch refuses the second.
pub(crate) async fn start(
    transport: &Transport,
    code: &CodeRequest,
    default_locale: Option<&Locale>,
) -> Result<ProviderId, StartError> {
    let request = Request::start(code, default_locale);
    let call = transport.begin().await.map_err(|no_answer| not_sent(no_answer.into_fault()))?;
    match send(&call, &request, code).await {
        Sent::Started(id) => Ok(id),
        Sent::NotSent(reason) => Err(StartError::NotSent(reason)),
        Sent::Earlier => recover(&call, code, reference_taken()).await,
        Sent::Unbelievable(fault) => recover(&call, code, fault).await,
        Sent::Unclear(fault) => match look_up(&call, code, Share::Half).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => send_again(&call, &request, code).await,
            Err(_) => Err(StartError::Unknown(fault)),
        },
    }
}

/// The second and last request, after one whose end is unclear.
async fn send_again(
    call: &Call<'_>,
    request: &Request,
    code: &CodeRequest,
) -> Result<ProviderId, StartError> {
    match send(call, request, code).await {
        Sent::Started(id) => Ok(id),
        // True of the first request as well.
        Sent::NotSent(reason @ NotSent::DestinationRefused(_)) => Err(StartError::NotSent(reason)),
        // Not so these: "too soon" may be what the first request brought about.
        Sent::NotSent(reason @ (NotSent::TooSoon | NotSent::Fault(_))) => {
            Err(StartError::Unknown(ProviderFault(reason.to_string())))
        }
        Sent::Earlier => recover(call, code, reference_taken()).await,
        Sent::Unclear(fault) | Sent::Unbelievable(fault) => recover(call, code, fault).await,
    }
}

/// The verification that was started, or else `fault`.
async fn recover(
    call: &Call<'_>,
    code: &CodeRequest,
    fault: ProviderFault,
) -> Result<ProviderId, StartError> {
    match look_up(call, code, Share::Rest).await {
        Ok(Some(id)) => Ok(id),
        Ok(None) | Err(_) => Err(StartError::Unknown(fault)),
    }
}

async fn look_up(
    call: &Call<'_>,
    code: &CodeRequest,
    share: Share,
) -> Result<Option<ProviderId>, ProviderFault> {
    let found = find(call, code.reference, &code.phone, code.channel, share).await;
    tracing::info!(
        send.reference = %code.reference.0,
        found = found.as_ref().is_ok_and(Option::is_some),
        "a start without a clear answer was looked up"
    );
    found
}

async fn send(call: &Call<'_>, request: &Request, code: &CodeRequest) -> Sent {
    match call.ask(request, Share::Half).await {
        Ok(answer) if answer.status == StatusCode::OK => started(&answer, code),
        Ok(answer) => refused(&answer),
        Err(NoAnswer::NotAsked(fault)) => Sent::NotSent(NotSent::Fault(fault)),
        Err(NoAnswer::Lost(fault)) => Sent::Unclear(fault),
    }
}

fn started(answer: &Answer, code: &CodeRequest) -> Sent {
    let unbelievable = |text: &str| Sent::Unbelievable(ProviderFault(text.to_owned()));
    let Some(body) = read_object::<VerificationBody>(&answer.body) else {
        return unbelievable("Sinch's answer to a start is not understood");
    };
    if !body.method.is_some_and(|method| is_method(&method, code.channel)) {
        return unbelievable("Sinch started another method than was asked for");
    }
    match body.id {
        Some(id) if is_plain_segment(&id) => Sent::Started(ProviderId(id)),
        _ => unbelievable("Sinch started something without a usable id"),
    }
}

fn refused(answer: &Answer) -> Sent {
    let refusal = Refusal::read(answer.status, &answer.body);
    refusal.report_to_operator();
    let fault = || ProviderFault(format!("Sinch refused a start: {refusal}"));
    match refusal.of_start() {
        RefusedStart::Destination => Sent::NotSent(NotSent::DestinationRefused(refusal.to_string())),
        RefusedStart::TooSoon => Sent::NotSent(NotSent::TooSoon),
        RefusedStart::ReferenceTaken => Sent::Earlier,
        RefusedStart::Application => Sent::NotSent(NotSent::Fault(fault())),
        RefusedStart::Unclear => Sent::Unclear(fault()),
    }
}

fn reference_taken() -> ProviderFault {
    ProviderFault("Sinch knows the reference of a start, but not what was started".to_owned())
}

fn not_sent(fault: ProviderFault) -> StartError {
    StartError::NotSent(NotSent::Fault(fault))
}
