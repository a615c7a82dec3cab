//! The signed-in user.

use actix_web::HttpResponse;

use crate::{bearer::SignedInUser, response::UserBody};

/// The signed-in user.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "User", security(("bearer" = [])),
    responses((status = 200, description = "The user behind the access token.", body = UserBody)),
)]
pub(crate) async fn show(SignedInUser(principal): SignedInUser) -> HttpResponse {
    HttpResponse::Ok().json(UserBody::from(principal.user))
}
