//! The proof of work that a client may be asked for.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::ProofOfWork;
use utoipa::IntoParams;

use crate::problem::{Problem, ProblemCode};

const HEADER: &str = "proof-of-work";

/// The answer to a puzzle, if the client brings one.
pub(crate) struct Worked(pub(crate) Option<ProofOfWork>);

/// Describes the header.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described; Worked reads it")]
pub(crate) struct ProofHeader {
    /// The `puzzle` of a `proof-of-work-required`, a colon and the answer; else absent.
    #[param(rename = "Proof-Of-Work", required = false, min_length = 3, max_length = 401)]
    proof_of_work: Option<String>,
}

impl FromRequest for Worked {
    type Error = Problem;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = req.headers().get(HEADER) else { return ready(Ok(Self(None))) };
        let proof = value.to_str().ok().and_then(|text| ProofOfWork::parse(text.trim()).ok());
        ready(proof.map(|proof| Self(Some(proof))).ok_or_else(malformed))
    }
}

fn malformed() -> Problem {
    let detail = "Send Proof-Of-Work as the puzzle, a colon and the answer, or leave it out.";
    Problem::new(ProblemCode::MalformedRequest).detail(detail.to_owned())
}
