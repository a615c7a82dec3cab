//! The signed-in user's remembered devices.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use domain::DeviceId;

use crate::{
    UseCases,
    bearer::{Own, SignedInUser},
    client::Visitor,
    problem::{Problem, ProblemCode},
    response::DevicesAnswer,
};

/// The remembered devices.
///
/// Those that sign in with the password and their device token alone, until they expire.
#[utoipa::path(
    get, path = "/api/v1/me/devices", tag = "Devices", security(("bearer" = [])),
    responses((status = 200, description = "The most recently used first.", body = DevicesAnswer)),
)]
pub(crate) async fn list_devices(
    SignedInUser(principal): SignedInUser,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let devices = use_cases.list_devices.execute(&principal).await?;
    Ok(HttpResponse::Ok().json(DevicesAnswer::from(devices)))
}

/// Forget one device.
///
/// At once: its next sign-in needs a code. Its sessions go on.
#[utoipa::path(
    delete, path = "/api/v1/me/devices/{id}", tag = "Devices", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The `id` of a remembered device of the user.")),
    responses((status = 204, description = "The device is forgotten.")),
)]
pub(crate) async fn forget_device(
    Own(principal, id): Own<Path<String>>,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))?;
    use_cases.forget_device.execute(&principal, DeviceId(id), visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Forget all devices.
///
/// At once: every next sign-in needs a code. Sessions go on.
#[utoipa::path(
    delete, path = "/api/v1/me/devices", tag = "Devices", security(("bearer" = [])),
    responses((status = 204, description = "No device is remembered.")),
)]
pub(crate) async fn forget_devices(
    SignedInUser(principal): SignedInUser,
    visitor: Visitor,
    use_cases: Data<UseCases>,
) -> Result<HttpResponse, Problem> {
    use_cases.forget_devices.execute(&principal, visitor.client).await?;
    Ok(HttpResponse::NoContent().finish())
}
