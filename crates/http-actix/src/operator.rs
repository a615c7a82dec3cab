//! Operators: by address and key, for every request anew.

use std::net::IpAddr;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use futures_util::future::LocalBoxFuture;
use use_cases::{
    AdmitCaller, CallerRefused, EndAllSessions, FindAccounts, ListAccountEvents, ListAllEvents, LockAccount,
    RemoveAccount, ShowAccount, ShowFigures, StartReset, UnlockAccount,
};

use crate::{
    HttpSettings,
    bearer::BearerToken,
    client::address,
    problem::{Problem, ProblemCode},
};

/// Everything that operators can ask for over HTTP.
pub struct Operators {
    pub authorize: AdmitCaller,
    pub find_accounts: FindAccounts,
    pub show_account: ShowAccount,
    pub lock_account: LockAccount,
    pub unlock_account: UnlockAccount,
    pub remove_account: RemoveAccount,
    pub end_all_sessions: EndAllSessions,
    pub start_reset: StartReset,
    pub list_account_events: ListAccountEvents,
    pub list_all_events: ListAllEvents,
    pub show_figures: ShowFigures,
}

/// A request of an operator. A handler that takes this cannot forget to ask, and the rest of
/// the request is read only afterwards.
pub(crate) struct Operator<R>(pub(crate) Data<Operators>, pub(crate) R);

impl<R: FromRequest + 'static> FromRequest for Operator<R>
where
    R::Error: Into<actix_web::Error>,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let operators = admitted(&req)?;
            let rest = R::from_request(&req, &mut payload).await.map_err(Into::into)?;
            Ok(Self(operators, rest))
        })
    }
}

/// Whoever asks from elsewhere is told what he would be told if there were no admin API.
fn admitted(req: &HttpRequest) -> Result<Data<Operators>, Problem> {
    let nothing_here = || Problem::new(ProblemCode::NotFound);
    let operators = req.app_data::<Data<Operators>>().cloned().ok_or_else(nothing_here)?;
    let client = client_in_admin_networks(req).ok_or_else(|| {
        tracing::warn!(
            event = "authz_fail",
            "the admin API was asked for from an address that may not use it"
        );
        nothing_here()
    })?;
    let key = BearerToken::of(req)?;
    operators.authorize.execute(key.expose()).map_err(|CallerRefused| {
        tracing::warn!(event = "authz_fail", client.address = %client, "a wrong admin key");
        Problem::new(ProblemCode::InvalidToken)
    })?;
    tracing::info!(event = "authz_admin", client.address = %client);
    Ok(operators)
}

fn client_in_admin_networks(req: &HttpRequest) -> Option<IpAddr> {
    let settings = req.app_data::<Data<HttpSettings>>()?;
    let client = address(req.peer_addr(), req.headers(), &settings.trusted_proxies)?;
    settings.admin_networks.iter().any(|network| network.contains(&client)).then_some(client)
}
