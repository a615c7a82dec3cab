//! What an answered challenge opens, whatever answered it.

/// Another factor: holds the challenge and the account, in the order in which all do, uses the
/// factor, and only with it the challenge.
macro_rules! factor {
    ($purpose:literal, $used:expr) => {
        concat!(
            ", held AS MATERIALIZED (
                SELECT v.id FROM input i JOIN verifications v
                ON v.phone = i.phone AND v.purpose = '",
            $purpose,
            "' AND v.id = i.verification_id
                FOR UPDATE OF v
            ), holder AS MATERIALIZED (
                SELECT u.id FROM input i, held, users u
                WHERE u.id = i.user_id AND u.locked_at IS NULL
                FOR NO KEY UPDATE OF u
            )",
            $used,
            ", won AS (
                DELETE FROM verifications v USING input i, account a
                WHERE v.phone = i.phone AND v.purpose = '",
            $purpose,
            "' AND v.id = i.verification_id
                RETURNING v.id, v.purpose, v.phone
            )"
        )
    };
}

/// Opens the session for `owner`, whose challenge `won`, and ends those beyond the limit. The
/// session that was `replaced` is over, although this statement still sees it. Forgets the wrong
/// answers of the kind that was right; whoever gave the password before it has recovered what a
/// phone alone opens.
#[rustfmt::skip]
macro_rules! further_session {
    () => {
        further_session!(but "")
    };
    (in_place_of_replaced) => {
        further_session!(but "AND x.id NOT IN (SELECT id FROM replaced)")
    };
    (but $but:literal) => {
        concat!($crate::sessions::session!(since "i.now"), $crate::sessions::oldest_session!(but $but), ", forgiven AS (
            DELETE FROM guesses g USING input i, won, owner o
            WHERE g.account IN (o.id::text, won.phone) AND g.purpose = won.purpose AND g.kind = i.kind
        ), reopened AS (
            DELETE FROM code_failures f USING input i, won, owner o
            WHERE f.account IN (o.id::text, won.phone, 'password_reset:' || o.email_canonical, 'phone_login:' || o.phone)
            AND ((f.purpose = won.purpose AND f.kind = i.kind)
                OR (won.purpose <> 'phone_login' AND f.purpose IN ('password_reset', 'phone_login')))
        )")
    };
}

/// The use of a sign-in's answer, which ends every challenge that shares it. The row of the user is
/// held against those who lock the account or change the password or the number: they must find
/// the new session, or we must find the account locked or the challenge closed.
macro_rules! closed_login {
    () => {
        ", closed AS (
            DELETE FROM challenges c USING won, account a WHERE c.verification_id = won.id
            RETURNING c.id
        ), owner AS MATERIALIZED (
            SELECT a.* FROM input i, account a, closed c WHERE c.id = i.challenge_id
        )"
    };
}

/// Whoever deletes the session that asked may open the new one. If that session is over, the
/// answer is used up all the same and the challenge is gone: another session asks anew. The row of
/// the user is held against those who end the others: they must find the new session, or we must
/// find the old one ended.
#[rustfmt::skip]
macro_rules! closed_step_up {
    () => {
        ", closed AS (
            DELETE FROM challenges c USING won, account a WHERE c.verification_id = won.id
            RETURNING c.id, c.session_id
        ), replaced AS (
            DELETE FROM sessions s USING input i, closed c, account a
            WHERE c.id = i.challenge_id AND s.id = c.session_id AND s.user_id = a.id AND s.expires_at > i.now
            RETURNING s.id
        ), owner AS MATERIALIZED (
            SELECT a.* FROM account a, replaced
        )"
    };
}

pub(crate) use {closed_login, closed_step_up, factor, further_session};
