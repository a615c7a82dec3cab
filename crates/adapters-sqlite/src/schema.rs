//! The tables, as the migrations make them. The contract suite holds both together.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    users (id) {
        id -> Binary,
        email -> Text,
        email_canonical -> Text,
        phone -> Text,
        phone_verified_at -> BigInt,
        password_hash -> Text,
        locale -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        totp_last_step -> Nullable<BigInt>,
        recovery_codes_left -> BigInt,
        text_barred -> Bool,
        locked_at -> Nullable<BigInt>,
        lock_reason -> Nullable<Text>,
        passkeys -> BigInt,
    }
}

table! {
    verifications (phone, purpose) {
        phone -> Text,
        purpose -> Text,
        id -> Binary,
        attempts_left -> BigInt,
        given_back -> BigInt,
        channel -> Text,
        provider_id -> Nullable<Text>,
        unsettled_reference -> Nullable<Binary>,
        expires_at -> BigInt,
    }
}

table! {
    challenges (id) {
        id -> Text,
        purpose -> Text,
        subject -> Text,
        verification_id -> Binary,
        phone -> Text,
        user_id -> Nullable<Binary>,
        email -> Nullable<Text>,
        email_canonical -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        account_locale -> Nullable<Text>,
        locale -> Nullable<Text>,
        country -> Nullable<Text>,
        account -> Text,
        sends -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        session_id -> Nullable<Binary>,
    }
}

table! {
    send_slots (phone) {
        phone -> Text,
        last_sent_at -> Nullable<BigInt>,
        last_reference -> Nullable<Binary>,
    }
}

table! {
    sends (reference) {
        reference -> Binary,
        challenge_id -> Text,
        phone -> Text,
        account -> Text,
        country -> Nullable<Text>,
        address -> Nullable<Text>,
        purpose -> Text,
        channel -> Text,
        reserved_at -> BigInt,
    }
}

table! {
    guesses (rowid) {
        rowid -> BigInt,
        verification_id -> Binary,
        attempts_left -> BigInt,
        account -> Text,
        purpose -> Text,
        guessed_at -> BigInt,
        kind -> Text,
    }
}

table! {
    password_failures (account) {
        account -> Text,
        count -> BigInt,
        last_at -> BigInt,
    }
}

table! {
    code_failures (account, purpose, kind) {
        account -> Text,
        purpose -> Text,
        kind -> Text,
        count -> BigInt,
        last_at -> BigInt,
    }
}

table! {
    sessions (id) {
        id -> Binary,
        user_id -> Binary,
        methods -> Text,
        client_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        authenticated_at -> BigInt,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        absolute_expires_at -> BigInt,
    }
}

table! {
    refresh_tokens (hash) {
        hash -> Binary,
        session_id -> Binary,
        parent -> Nullable<Binary>,
        issued_at -> BigInt,
        spent_at -> Nullable<BigInt>,
    }
}

table! {
    events (id) {
        id -> Binary,
        user_id -> Binary,
        name -> Text,
        session_id -> Nullable<Binary>,
        client_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        occurred_at -> BigInt,
        notify_phone -> Nullable<Text>,
        notify_locale -> Nullable<Text>,
        notify_attempts -> BigInt,
        notify_at -> Nullable<BigInt>,
        fanned_out_at -> Nullable<BigInt>,
    }
}

table! {
    webhook_deliveries (event_id, endpoint) {
        event_id -> Binary,
        endpoint -> Text,
        attempts -> BigInt,
        due_at -> BigInt,
        failure -> Nullable<Text>,
        dead_at -> Nullable<BigInt>,
    }
}

table! {
    totp_secrets (user_id) {
        user_id -> Binary,
        secret -> Text,
        begun_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
    }
}

table! {
    passkeys (id) {
        id -> Binary,
        user_id -> Binary,
        credential_id -> Binary,
        record -> Binary,
        name -> Nullable<Text>,
        counter -> BigInt,
        backed_up -> Bool,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

table! {
    devices (id) {
        id -> Binary,
        user_id -> Binary,
        failures -> BigInt,
        client_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    passkey_ceremonies (id) {
        id -> Text,
        kind -> Text,
        user_id -> Nullable<Binary>,
        challenge_id -> Nullable<Text>,
        state -> Binary,
        expires_at -> BigInt,
    }
}

table! {
    recovery_codes (user_id, hash) {
        user_id -> Binary,
        hash -> Binary,
    }
}

table! {
    imported_registrations (email_canonical) {
        email_canonical -> Text,
        email -> Text,
        phone -> Text,
        password_hash -> Text,
        locale -> Nullable<Text>,
        created_at -> BigInt,
    }
}

table! {
    device_tokens (hash) {
        hash -> Binary,
        device_id -> Binary,
        parent -> Nullable<Binary>,
        issued_at -> BigInt,
        spent_at -> Nullable<BigInt>,
    }
}

table! {
    imported_hashes (user_id) {
        user_id -> Binary,
    }
}

table! {
    signing_keys (number) {
        number -> BigInt,
        id -> Text,
        algorithm -> Text,
        private_key -> Text,
        created_at -> BigInt,
        activates_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

table! {
    shield_states (scope_kind, scope) {
        scope_kind -> Text,
        scope -> Text,
        version -> BigInt,
        unanswered -> BigInt,
        last_sent_at -> Nullable<BigInt>,
        strikes -> BigInt,
        struck_at -> Nullable<BigInt>,
        rule -> Nullable<Text>,
        blocked_until -> Nullable<BigInt>,
        refused -> BigInt,
        changed_at -> BigInt,
    }
}

table! {
    spent_puzzles (puzzle) {
        puzzle -> Text,
        expires_at -> BigInt,
    }
}

table! {
    send_traces (reference, provider) {
        reference -> Binary,
        provider -> Text,
        provider_id -> Nullable<Text>,
        phone -> Nullable<Text>,
        purpose -> Text,
        channel -> Text,
        country -> Text,
        prefix -> Text,
        cost -> BigInt,
        hour -> BigInt,
        begun_at -> BigInt,
        settlement -> Nullable<Text>,
        settled_at -> Nullable<BigInt>,
        arrival -> Integer,
        arrived_at -> Nullable<BigInt>,
        entered_at -> Nullable<BigInt>,
    }
}

table! {
    send_callbacks (fingerprint) {
        fingerprint -> Binary,
        reference -> Binary,
        provider -> Text,
        event -> Text,
        outcome -> Nullable<Text>,
        reason -> Nullable<Text>,
        said_at -> BigInt,
        heard_at -> BigInt,
    }
}

table! {
    quoted_prices (provider, channel, country) {
        provider -> Text,
        channel -> Text,
        country -> Text,
        amount -> BigInt,
        currency -> Text,
        said_at -> BigInt,
    }
}

joinable!(sessions -> users (user_id));
joinable!(totp_secrets -> users (user_id));
joinable!(refresh_tokens -> sessions (session_id));
joinable!(device_tokens -> devices (device_id));
allow_tables_to_appear_in_same_query!(users, sessions, refresh_tokens);
allow_tables_to_appear_in_same_query!(users, totp_secrets);
allow_tables_to_appear_in_same_query!(challenges, verifications);
allow_tables_to_appear_in_same_query!(devices, device_tokens);
joinable!(webhook_deliveries -> events (event_id));
allow_tables_to_appear_in_same_query!(webhook_deliveries, events);
