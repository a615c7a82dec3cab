//! Every problem there is: code, status, and what its page says.

use actix_web::http::StatusCode;

/// What is said of one problem.
pub(crate) struct Entry {
    /// Stable; the last part of `type`.
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
}

macro_rules! catalog {
    ($($name:ident $status:ident $code:literal, $title:literal, $meaning:literal, $remedy:literal;)+) => {
        /// The name of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ProblemCode { $($name),+ }

        impl ProblemCode {
            /// Every problem, in the order of their statuses.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// What is said of it.
            pub(crate) const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        code: $code, status: StatusCode::$status, title: $title, meaning: $meaning, remedy: $remedy,
                    }),+
                }
            }
        }
    };
}

catalog! {
    MalformedRequest BAD_REQUEST "malformed-request",
        "The request cannot be read",
        "The request, or its body, is not what HTTP or JSON (RFC 8259) allow: text that is not JSON or not UTF-8, \
         something other than one object, a key that stands twice, or nesting deeper than 32 levels.",
        "Send one JSON object in UTF-8 in which every key stands once.";
    InvalidCredentials UNAUTHORIZED "invalid-credentials",
        "Wrong name or password",
        "There is no account or registration with this name and this password. Which of the two is wrong is not told, \
         so that nobody can find out who has an account. To somebody who is signed in: the current password is another.",
        "Check the name and the password, then try again.";
    InvalidToken UNAUTHORIZED "invalid-token",
        "The token is not valid",
        "The request carries no token, or one that is unknown, spent, expired, or whose session is over.",
        "Refresh the tokens, or sign in again. Send the access token once, as Authorization: Bearer.";
    InvalidCode UNAUTHORIZED "invalid-code",
        "Wrong code",
        "The code is not the one that was sent last, not one that the authenticator app shows, or not a recovery code \
         that is left; each works once. attempts_left says how many guesses the challenge has left; at 0 it is over.",
        "Check the newest message and type its code, or ask for another message. Of an app, type the code that it \
         shows now, and see that its clock is right.";
    InvalidPasskey UNAUTHORIZED "invalid-passkey",
        "The passkey is not accepted",
        "The passkey is unknown, its answer is wrong, or what it answers is over or used. All of these get the same \
         answer. At a challenge, attempts_left says how many guesses it has left.",
        "Ask for new options and use a passkey of this account, or sign in with the password.";
    InvalidSignature UNAUTHORIZED "invalid-signature",
        "The callback is not signed by the provider",
        "The callback carries no signature, one of another key, or one that was made for other content, another path or \
         another time than now. Nothing of it was read.",
        "Only the provider can call this. See that the credentials of the application, the callback URL with its path, \
         and the clock of this service are right.";
    StepUpRequired FORBIDDEN "step-up-required",
        "Prove who you are again",
        "This changes what guards the account, so all factors have to be proven not longer than 10 minutes before. \
         A refreshed token or a remembered device does not count.",
        "Step up with POST /api/v1/auth/step-up and the code that follows, then send the request again.";
    ProofOfWorkRequired FORBIDDEN "proof-of-work-required",
        "Prove some work first",
        "More codes are asked for than is usual, so each request has to prove some work. proof_of_work has a puzzle: \
         find a text of letters and digits for which the SHA-256 digest of the puzzle, a colon and the text begins \
         with so many zero bits. A puzzle can be used once, until expires_at.",
        "Send the request again with the header Proof-Of-Work: the puzzle, a colon and the text.";
    NotFound NOT_FOUND "not-found",
        "Nothing is here",
        "This service has nothing under this path.",
        "Check the path against the API description at /openapi.json.";
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed",
        "The method is not allowed here",
        "The path exists, but not for this method.",
        "Use one of the methods in the header Allow.";
    RequestTimeout REQUEST_TIMEOUT "request-timeout",
        "The request took too long to arrive",
        "The body did not arrive in time, so the connection was closed.",
        "Send the request again over a faster connection.";
    AccountExists CONFLICT "account-exists",
        "There is an account already",
        "The code was right, but the phone number, or the e-mail address of this registration, belongs to an \
         account. Only the holder of the phone is told so.",
        "Sign in, or reset the password if it is forgotten. To have the number elsewhere, change it there first.";
    AccountLocked CONFLICT "account-locked",
        "The account is locked",
        "An operator locked the account, so nobody signs in to it and no code is sent for it. Only operators are \
         told so.",
        "Unlock the account first, if its owner shall sign in again.";
    TotpEnabled CONFLICT "totp-enabled",
        "An authenticator app is enrolled already",
        "The account has an authenticator app. There is one at a time, and no secret is shown twice.",
        "Remove it with DELETE /api/v1/me/totp first, then enrol the other.";
    TotpNotBegun CONFLICT "totp-not-begun",
        "No authenticator app waits to be confirmed",
        "No enrolment was begun, or it was given up.",
        "Begin with POST /api/v1/me/totp, then confirm a code that the app shows.";
    PasskeyLimitReached CONFLICT "passkey-limit-reached",
        "The account has enough passkeys",
        "An account has at most 20 passkeys.",
        "Remove one that is no longer used, then add the other.";
    ChallengeClosed GONE "challenge-closed",
        "The challenge is over",
        "The challenge is unknown, expired, used or has no guesses left. All of these get the same answer.",
        "Start again: sign in, register, or ask for the reset or the change of number anew.";
    PayloadTooLarge PAYLOAD_TOO_LARGE "payload-too-large",
        "The body is too large",
        "Bodies have at most 16 KiB. The rest was not read and the connection was closed.",
        "Send a smaller body.";
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported-media-type",
        "The body has the wrong type",
        "Bodies are JSON, sent as application/json without compression. Only token introspection takes a form.",
        "Send Content-Type: application/json and no Content-Encoding.";
    ValidationFailed UNPROCESSABLE_ENTITY "validation-failed",
        "Some fields are not acceptable",
        "Fields are missing, have the wrong type or a value that is not accepted. errors lists all of them: pointer \
         (RFC 6901) says which field, code what is wrong with it, message what to do.",
        "Correct the fields in errors and send the request again.";
    PasskeyNotAccepted UNPROCESSABLE_ENTITY "passkey-not-accepted",
        "The passkey cannot be added",
        "What the authenticator made does not belong to the options it was asked with, the options are over or used, \
         or the passkey is known already.",
        "Ask for new options and try again, with another authenticator if it stays.";
    DestinationNotAllowed UNPROCESSABLE_ENTITY "destination-not-allowed",
        "Codes are not sent to this number",
        "The number is valid, but of a kind or country that codes are not sent to, such as premium-rate, toll-free, \
         satellite or fixed-line numbers.",
        "Use a mobile number.";
    ChannelNotAvailable UNPROCESSABLE_ENTITY "channel-not-available",
        "The channel is not available",
        "Codes cannot be sent in this way here, or not to this account: after its password was reset by text, only its \
         authenticator app or a recovery code signs in.",
        "Send a channel that the challenge's methods list; without one it is sms. Where they list none, answer with totp \
         or recovery_code.";
    RateLimited TOO_MANY_REQUESTS "rate-limited",
        "Too many requests",
        "A limit is used up. Limits protect accounts from guessing and phones from floods of messages, and end by \
         themselves.",
        "Wait as long as Retry-After says, then try again. After a hundred wrong passwords or codes in a row, \
         resetting the password gets you in sooner.";
    ResendTooSoon TOO_MANY_REQUESTS "resend-too-soon",
        "A message was sent a moment ago",
        "A number gets at most one message in each cooldown, whatever it is for.",
        "Wait as long as Retry-After says before asking for another message.";
    SendLimitReached TOO_MANY_REQUESTS "send-limit-reached",
        "No further message for this challenge",
        "Each challenge sends a limited number of messages, and this one has sent all of them. The code sent last \
         stays valid.",
        "Use the code sent last, or start again when the challenge has expired.";
    HeadersTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "headers-too-large",
        "The headers are too large",
        "The headers of a request have at most 16 KiB.",
        "Send fewer or shorter headers.";
    Internal INTERNAL_SERVER_ERROR "internal",
        "Something went wrong here",
        "This is a fault of the service. It has been recorded under the request_id.",
        "Try again later; if it stays, tell the operator the request_id.";
    Overloaded SERVICE_UNAVAILABLE "overloaded",
        "Too much to do at once",
        "More is asked for than the service can serve now, or may spend on messages. Nothing was changed.",
        "Wait as long as Retry-After says, then try again.";
    DatabaseUnavailable SERVICE_UNAVAILABLE "database-unavailable",
        "The database cannot be reached",
        "The service cannot reach its database. Nobody is let in meanwhile.",
        "Wait as long as Retry-After says, then try again.";
    ProviderUnavailable SERVICE_UNAVAILABLE "provider-unavailable",
        "Codes cannot be sent or checked now",
        "The provider that sends and checks codes does not answer as it should. Nobody is let in meanwhile.",
        "Wait as long as Retry-After says, then try again.";
}

impl ProblemCode {
    /// The problem named `code`.
    pub(crate) fn find(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|problem| problem.entry().code == code)
    }

    /// What a status of the framework's own means here.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            status if status.is_client_error() => Self::MalformedRequest,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_its_own_and_is_found() {
        let codes: BTreeSet<&str> = ProblemCode::ALL.iter().map(|problem| problem.entry().code).collect();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
        for problem in ProblemCode::ALL {
            let entry = problem.entry();
            assert_eq!(ProblemCode::find(entry.code), Some(*problem));
            assert!(entry.status.is_client_error() || entry.status.is_server_error());
            assert!(entry.meaning.ends_with('.') && entry.remedy.ends_with('.'), "{}", entry.code);
            assert!(entry.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        }
    }
}
