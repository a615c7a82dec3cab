//! What operators' requests look like.

use domain::{AccountQuery, FigureDimension, FigureWindow, LockReason, UserId};
use garde::Validate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::field::{FieldErrors, Reason, Text, required};
use crate::problem::Problem;

/// Why an account is locked.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = AccountLockRequest)]
pub(crate) struct LockBody {
    /// For other operators; the owner never sees it.
    #[garde(custom(required))]
    #[schema(value_type = String, min_length = 1, max_length = 200, examples("phone stolen"))]
    reason: Text,
}

impl LockBody {
    pub(crate) fn into_reason(self) -> Result<LockReason, Problem> {
        let mut errors = FieldErrors::of(&self, &["/reason"]);
        let reason = errors.parse("/reason", &self.reason, |text| {
            LockReason::parse(text).map_err(|error| Reason::new("invalid-reason", error.to_string()))
        });
        errors.resolve(reason)
    }
}

/// Which accounts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// An id, a number with `+` (in a URL `%2B`), an e-mail address or part of one.
    #[param(max_length = 254)]
    query: Option<String>,
    /// The `id` of an account: only those after it are listed.
    #[param(value_type = Option<uuid::Uuid>)]
    after: Option<String>,
}

impl UsersQuery {
    const POINTERS: &[&str] = &["/query", "/after"];

    /// What to look for, and after which account.
    pub(crate) fn into_query(self) -> Result<(AccountQuery, Option<UserId>), Problem> {
        let mut errors = FieldErrors::none(Self::POINTERS);
        let query = AccountQuery::parse(self.query.as_deref().unwrap_or_default())
            .map_err(|error| errors.refuse("/query", Reason::new("invalid-query", error.to_string())));
        let after = self.after.map(|text| text.parse::<Uuid>()).transpose().map_err(|_| {
            errors
                .refuse("/after", Reason::new("invalid-id", "send the id of an account, or leave this out"));
        });
        errors.resolve(query.ok().zip(after.ok()).map(|(query, after)| (query, after.map(UserId))))
    }

    /// The refusal of a query that cannot be read.
    pub(crate) fn unreadable() -> Result<Self, Problem> {
        let mut errors = FieldErrors::none(Self::POINTERS);
        errors.refuse("/query", Reason::new("invalid-query", "send each parameter once, or leave it out"));
        errors.resolve(None)
    }
}

/// Which figures are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FiguresQuery {
    /// By what messages are told apart: some of `country`, `prefix`, `channel` and `provider`, with
    /// commas between; `country,provider` when left out.
    by: Option<String>,
    /// How many hours back, the one that runs included: 1 to 2160, 24 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 2160)]
    hours: Option<String>,
}

impl FiguresQuery {
    const POINTERS: &[&str] = &["/by", "/hours"];
    const BY: [FigureDimension; 2] = [FigureDimension::Country, FigureDimension::Provider];
    const HOURS: u32 = 24;

    /// How many hours back, and by what.
    pub(crate) fn into_query(self) -> Result<(u32, Vec<FigureDimension>), Problem> {
        let mut errors = FieldErrors::none(Self::POINTERS);
        let by = self.by.as_deref().map_or_else(|| Ok(Self::BY.to_vec()), FigureDimension::parse_list);
        let by =
            by.map_err(|error| errors.refuse("/by", Reason::new("invalid-dimension", error.to_string())));
        let hours = self.hours.as_deref().map_or(Some(Self::HOURS), |text| text.parse().ok());
        let hours = hours.filter(|hours| (1..=FigureWindow::MOST_HOURS).contains(hours)).ok_or_else(|| {
            errors.refuse("/hours", Reason::new("invalid-hours", "send a whole number from 1 to 2160"));
        });
        errors.resolve(hours.ok().zip(by.ok()))
    }

    /// The refusal of a query that cannot be read.
    pub(crate) fn unreadable() -> Result<Self, Problem> {
        let mut errors = FieldErrors::none(Self::POINTERS);
        errors.refuse("/by", Reason::new("invalid-query", "send each parameter once, or leave it out"));
        errors.resolve(None)
    }
}
