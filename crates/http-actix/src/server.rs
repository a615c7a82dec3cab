//! The server: layers around routes, limits around connections.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::Server,
    http::KeepAlive,
    middleware::from_fn,
    web::{self, Data},
};
use use_cases::{
    AdmitCaller, AdmitRequest, AdmitStart, Authenticate, BeginTotp, ChangeLocale, ChangePassword,
    CheckReadiness, ConfirmTotp, DeleteAccount, EndOtherSessions, EndSession, ExportAccount,
    FinishPasskeyAuthentication, FinishPasskeyRegistration, ForgetDevice, ForgetDevices, ForgotPassword,
    HandleSinchCallback, IntrospectToken, ListDevices, ListEvents, ListPasskeys, ListSessions, LogIn, LogOut,
    PublishKeys, RefreshSession, RegisterUser, RemovePasskey, RemoveTotp, RenewRecoveryCodes, RequestOtp,
    ResetPassword, StartPasskeyAuthentication, StartPasskeyRegistration, StartPhoneChange, StartPhoneLogin,
    StartStepUp, VerifyOtp, VerifyPhone,
};

use crate::{
    HttpSettings, Operators, connection, cors, edge, openapi::ApiDescription, request_limit, routes,
};

#[cfg(feature = "governor")]
use actix_web::middleware::Condition;

#[cfg(feature = "governor")]
use crate::address_limit::{self, AddressLimit};

/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;

/// How long a closing connection may take to go.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Everything that can be asked for over HTTP.
pub struct UseCases {
    /// Whatever is asked for. Where it leaves addresses out, the feature `governor` limits them.
    pub admit_request: AdmitRequest,
    pub admit_start: AdmitStart,
    pub register_user: RegisterUser,
    pub log_in: LogIn,
    pub request_otp: RequestOtp,
    /// `None` where nobody signs in without a password.
    pub start_phone_login: Option<StartPhoneLogin>,
    pub forgot_password: ForgotPassword,
    pub reset_password: ResetPassword,
    pub start_phone_change: StartPhoneChange,
    pub verify_phone: VerifyPhone,
    pub verify_otp: VerifyOtp,
    pub refresh_session: RefreshSession,
    pub log_out: LogOut,
    pub authenticate: Authenticate,
    pub admit_introspection: AdmitCaller,
    pub introspect_token: IntrospectToken,
    pub start_step_up: StartStepUp,
    pub change_locale: ChangeLocale,
    pub change_password: ChangePassword,
    pub delete_account: DeleteAccount,
    pub export_account: ExportAccount,
    pub list_events: ListEvents,
    pub list_sessions: ListSessions,
    pub end_session: EndSession,
    pub end_other_sessions: EndOtherSessions,
    pub list_devices: ListDevices,
    pub forget_device: ForgetDevice,
    pub forget_devices: ForgetDevices,
    pub begin_totp: BeginTotp,
    pub confirm_totp: ConfirmTotp,
    pub remove_totp: RemoveTotp,
    pub renew_recovery_codes: RenewRecoveryCodes,
    pub check_readiness: CheckReadiness,
    pub publish_keys: PublishKeys,
    /// `None`: there is no admin API.
    pub operators: Option<Arc<Operators>>,
    /// `None` where Sinch does not send the codes.
    pub sinch_callbacks: Option<HandleSinchCallback>,
    /// Without these no route of passkeys exists.
    pub passkeys: Option<PasskeyUseCases>,
}

/// Everything that can be asked for over HTTP about passkeys.
pub struct PasskeyUseCases {
    pub start_registration: StartPasskeyRegistration,
    pub finish_registration: FinishPasskeyRegistration,
    pub list: ListPasskeys,
    pub remove: RemovePasskey,
    pub start_authentication: StartPasskeyAuthentication,
    pub finish_authentication: FinishPasskeyAuthentication,
}

/// A server that takes connections from `listener` once it is awaited.
///
/// It handles no signals: whoever starts it stops it through its handle, and
/// requests in flight then have `settings.shutdown_timeout` to finish.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(use_cases: Arc<UseCases>, settings: HttpSettings, listener: TcpListener) -> io::Result<Server> {
    let settings = Arc::new(settings);
    let description = Data::new(ApiDescription::of(&settings, &use_cases));
    #[cfg(feature = "governor")]
    let limit =
        AddressLimit::new(settings.clone()).ok_or_else(|| io::Error::other("the address limit is zero"))?;
    #[cfg(feature = "governor")]
    let is_governed = use_cases.admit_request.address.is_none();
    let app_settings = settings.clone();
    let app = move || {
        let served = app_settings.clone();
        let app = App::new()
            .app_data(Data::from(use_cases.clone()))
            .app_data(Data::from(app_settings.clone()))
            .app_data(description.clone())
            .configure(|app| routes::routes(app, &served, &use_cases))
            .default_service(web::to(routes::not_found))
            .wrap(from_fn(cors::answer_preflight))
            .wrap(from_fn(request_limit::admit));
        #[cfg(feature = "governor")]
        let app =
            app.wrap(Condition::new(is_governed, limit.clone())).wrap(from_fn(address_limit::name_limit));
        // The last layer is the outermost: refusals of all others pass it.
        app.wrap(from_fn(cors::name_allowed_origin)).wrap(from_fn(edge::surround))
    };
    Ok(HttpServer::new(app)
        .on_connect(connection::remember)
        .workers(settings.workers.max(1))
        .keep_alive(KeepAlive::Timeout(settings.keep_alive))
        .client_request_timeout(settings.header_deadline)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .max_connections(settings.max_connections)
        .backlog(BACKLOG)
        .tcp_nodelay(true)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .disable_signals()
        .listen(listener)?
        .run())
}
