//! The promises of the ports as test suites for adapters.
//!
//! Each promise is an async function over [`Stores`] that panics when the
//! promise is broken. [`store_contract!`](crate::store_contract) turns all of
//! them into tests; an adapter outside this repository runs them alike:
//!
//! ```ignore
//! async fn fresh_stores() -> (ports::contract::Stores, impl Drop) { /* … */ }
//!
//! ports::store_contract!(fresh_stores());
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a suite of tests: a panic is how it says no"
)]

pub mod account_changes;
pub mod accounts;
pub mod blind;
pub mod callbacks;
pub mod ceremonies;
pub mod deletion;
pub mod device_failures;
pub mod device_use;
pub mod devices;
pub mod directory;
pub mod event_list;
pub mod events;
pub mod factor_answers;
pub mod factors;
pub mod failures_in_a_row;
pub mod figures;
mod fixtures;
pub mod giving_back;
pub mod guessing;
pub mod importing;
pub mod locking;
mod message_steps;
pub mod notices;
pub mod opening;
pub mod passkeys;
pub mod provider;
pub mod pumping;
pub mod purging;
pub mod quotas;
pub mod quotes;
pub mod rate_limits;
pub mod redeeming;
pub mod replacing;
pub mod rotation;
pub mod send_traces;
pub mod sending;
pub mod session_list;
pub mod sessions;
pub mod shield;
pub mod signing_keys;
pub mod step_up;
mod steps;
pub mod text_bar;
pub mod webhooks;

use std::sync::Arc;

use crate::{
    AccountDirectory, AccountImport, AccountStore, ChallengeStore, DeviceStore, EventStore, FactorStore,
    NoticeStore, PasskeyStore, SendTraceStore, SessionStore, ShieldStore, SigningKeyStore, WebhookStore,
};

/// The stores under test. They share one database, which is empty but for its
/// schema and used by no other test.
#[derive(Clone)]
pub struct Stores {
    pub accounts: Arc<dyn AccountStore>,
    pub challenges: Arc<dyn ChallengeStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub events: Arc<dyn EventStore>,
    pub devices: Arc<dyn DeviceStore>,
    pub notices: Arc<dyn NoticeStore>,
    pub webhooks: Arc<dyn WebhookStore>,
    pub directory: Arc<dyn AccountDirectory>,
    pub import: Arc<dyn AccountImport>,
    pub signing_keys: Arc<dyn SigningKeyStore>,
    pub factors: Arc<dyn FactorStore>,
    pub passkeys: Arc<dyn PasskeyStore>,
    pub shield: Arc<dyn ShieldStore>,
    pub send_traces: Arc<dyn SendTraceStore>,
}

impl Stores {
    /// One adapter that is all of the stores.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: AccountStore
            + ChallengeStore
            + SessionStore
            + EventStore
            + DeviceStore
            + NoticeStore
            + WebhookStore
            + AccountDirectory
            + AccountImport
            + SigningKeyStore
            + FactorStore
            + PasskeyStore
            + ShieldStore
            + SendTraceStore
            + 'static,
    {
        Self {
            accounts: store.clone(),
            challenges: store.clone(),
            sessions: store.clone(),
            events: store.clone(),
            devices: store.clone(),
            notices: store.clone(),
            webhooks: store.clone(),
            directory: store.clone(),
            import: store.clone(),
            signing_keys: store.clone(),
            factors: store.clone(),
            passkeys: store.clone(),
            shield: store.clone(),
            send_traces: store,
        }
    }
}

/// Makes one test of each promise of the stores.
///
/// The argument is an async expression that gives fresh [`Stores`] and
/// whatever has to live as long as they do. The calling crate needs `tokio`
/// with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! store_contract {
    ($fresh:expr) => {
        $crate::store_contract! { @tests $fresh;
            accounts: {
                an_unknown_name_is_counted_under_itself
                an_account_is_found_by_its_email_in_any_case_and_by_its_phone
                en_01_failures_of_a_phone_say_nothing_of_the_email_of_its_account
                en_07_an_email_brings_its_50_newest_registrations
                en_02_a_number_brings_its_newest_registration_only
                only_live_registrations_are_found
                concurrent_password_failures_all_count
                a_password_failure_is_forgotten_after_a_day
                a_right_password_forgets_the_failures
                a_hash_is_upgraded_unless_the_password_changed
            }
            opening: {
                an_opened_challenge_is_shown_as_it_was_asked_for
                rc_05_opening_again_finds_the_same_challenge
                rc_02_another_password_or_email_is_another_challenge_of_the_same_code
                rc_05_one_of_50_concurrent_openings_of_one_registration_sends
                rc_05_one_of_50_concurrent_openings_of_different_registrations_of_a_number_sends
                rc_05_one_of_50_concurrent_openings_for_different_purposes_sends
                a_number_may_get_one_more_message_after_the_cooldown
                a_challenge_opened_in_the_cooldown_of_another_purpose_sends_later
                sends_of_a_challenge_are_counted_and_end
                a_challenge_ends_on_time_and_the_next_is_new
                a_later_challenge_of_a_number_keeps_its_code_for_its_whole_life
                a_deleted_account_opens_nothing_and_its_number_is_free_at_once
                asvs_7_4_3_a_password_that_was_changed_meanwhile_opens_nothing
                a_deletion_that_races_50_openings_leaves_no_challenge
            }
            sending: {
                a_resend_waits_for_the_cooldown
                rc_05_one_of_50_concurrent_resends_sends
                a_closed_challenge_sends_nothing_more
                asvs_6_6_3_a_resend_never_raises_the_attempts
                a_resend_prolongs_nothing_and_may_change_the_channel
                resends_end_at_the_limit
                a_settled_send_is_what_codes_are_checked_against
                rc_06_an_unsettled_send_is_told_to_whoever_guesses
                a_send_that_never_left_costs_nothing
                a_send_that_never_left_leaves_the_earlier_code_valid
                a_call_that_was_never_made_leaves_the_text_before_it_valid
                a_call_that_was_never_made_leaves_a_text_that_may_have_arrived_valid
                asvs_6_5_1_a_message_that_was_never_sent_brings_no_used_code_back
                settling_an_outdated_send_has_no_effect
            }
            quotas: {
                rc_07_sends_to_a_number_are_bounded_in_a_sliding_hour
                rc_07_sends_of_an_account_are_bounded_in_a_sliding_hour
                rc_07_sends_to_a_country_are_bounded_in_a_sliding_hour
                rc_07_sends_of_an_address_are_bounded_in_a_sliding_hour
                d_06_exactly_the_quota_of_50_concurrent_sends_to_a_number_is_admitted
                d_07_exactly_the_quota_of_50_concurrent_sends_of_an_account_is_admitted
                d_07_exactly_the_quota_of_50_concurrent_sends_of_an_address_is_admitted
                d_08_exactly_the_quota_of_50_concurrent_sends_to_a_country_is_admitted
                d_07_exactly_the_quota_of_50_concurrent_resends_of_an_address_is_admitted
                rc_07_a_day_allows_twice_an_hour
                the_latest_end_of_all_used_up_quotas_is_told
                the_later_of_hour_and_day_is_told
                strangers_who_register_an_email_use_up_nothing_of_its_owner
                sends_of_a_sign_in_count_for_its_account_and_number
                a_resend_is_bound_by_the_quotas
                sm_08_calls_to_a_number_have_a_quota_of_their_own
                a_live_code_is_held_even_when_a_quota_is_used_up
                a_challenge_over_quota_is_open_and_sends_once_the_window_has_slid
                a_challenge_without_sends_left_is_held_even_when_a_quota_is_used_up
            }
            guessing: {
                asvs_6_6_3_exactly_five_of_50_concurrent_guesses_count
                asvs_6_6_3_challenges_of_one_number_share_the_guesses
                an_attempt_tells_what_is_to_be_checked
                an_unknown_challenge_is_closed
                a_challenge_is_closed_from_its_end_on
                an_exhausted_challenge_stays_dead_when_its_number_starts_anew
                rc_07_wrong_codes_of_an_account_are_bounded_over_challenges
                d_04_exactly_the_quota_of_50_concurrent_guesses_of_an_account_counts
                wrong_codes_of_strangers_do_not_close_a_number_to_its_owner
                an_answer_for_another_purpose_is_closed_and_spends_nothing
                a_closed_challenge_is_closed_whatever_the_quota_says
            }
            failures_in_a_row: {
                d_04_so_many_wrong_codes_in_a_row_close_their_kind_for_their_purpose
                d_04_exactly_so_many_of_50_concurrent_wrong_codes_count
                d_04_a_reset_opens_every_sign_in_again
                d_04_a_sign_in_with_all_factors_opens_the_reset_again
                d_04_a_phone_alone_opens_no_reset_again
                d_04_a_decoy_closes_and_opens_like_any_other
                d_04_a_registration_is_never_closed
                d_11_after_100_wrong_passwords_a_name_is_closed_until_a_reset_or_a_device_opens_it
                nb_04_a_right_code_forgets_the_wrong_ones_in_a_row_of_its_kind_only
                what_was_given_back_is_not_counted_in_a_row
                wrong_codes_in_a_row_are_forgotten_after_their_memory
                a_deleted_account_leaves_no_wrong_codes_in_a_row
            }
            giving_back: {
                an_attempt_given_back_can_be_taken_again
                attempts_are_given_back_so_many_times_only
                concurrent_returns_are_bounded_alike
                an_attempt_given_back_is_no_wrong_code
                giving_back_to_an_earlier_code_does_not_help_the_next
            }
            redeeming: {
                one_of_50_concurrent_redemptions_makes_the_account_and_its_session
                rc_02_an_account_has_what_the_proven_registration_carried
                rc_03_proving_a_number_closes_its_other_registrations
                rc_03_proving_a_registration_closes_the_others_of_its_email
                rc_04_a_taken_number_makes_no_second_account
                rc_04_a_registration_that_fails_closes_no_other
                a_proven_registration_forgets_the_failures_of_its_names
                rc_04_a_taken_email_makes_no_second_account_in_another_case
                rc_04_concurrent_registrations_of_an_email_make_one_account
                one_of_50_concurrent_redemptions_of_a_sign_in_opens_a_session
                a_sign_in_without_its_account_is_closed
                a_used_challenge_is_closed_and_the_next_is_new
                a_right_code_forgets_the_wrong_ones
                sessions_beyond_the_limit_end_the_least_recently_used
            }
            sessions: {
                a_live_session_is_found_by_its_owner_only
                a_session_lives_to_the_microsecond
                each_of_50_concurrent_callers_finds_its_own_session
                a_session_that_has_ended_is_not_found_beside_50_other_callers
                an_ended_session_is_gone_with_its_tokens
                nobody_ends_the_session_of_another
                one_of_50_concurrent_ends_ends_a_session
                an_expired_session_cannot_be_ended
            }
            rotation: {
                a_rotated_token_keeps_the_session_and_slides_its_end
                a_session_never_slides_beyond_its_absolute_end
                an_unknown_or_expired_token_is_refused
                tk_06_50_concurrent_rotations_leave_one_live_successor
                tk_06_a_repeat_inside_the_leeway_replaces_the_unspent_successor
                tk_06_a_replaced_successor_that_comes_back_ends_the_session
                tk_06_a_repeat_after_the_successor_was_spent_is_refused_and_ends_nothing
                tk_06_repeats_never_stretch_the_leeway
                tk_06_a_copied_token_ends_the_session_with_every_successor
            }
            session_list: {
                asvs_7_5_2_sessions_are_listed_the_most_recently_used_first
                only_live_and_own_sessions_are_listed
                ending_the_other_sessions_keeps_one_and_those_of_others
                ending_the_other_sessions_counts_live_ones_only
                each_session_is_ended_by_one_of_50_concurrent_callers
            }
            account_changes: {
                an_account_is_found_by_its_id
                a_password_is_changed_from_the_hash_that_was_read_only
                asvs_7_4_3_a_changed_password_ends_all_other_sessions
                a_password_that_is_not_changed_ends_no_session
                a_changed_password_forgets_the_failures_of_both_names
                one_of_50_concurrent_changes_of_a_password_succeeds
                asvs_7_4_3_a_changed_password_closes_what_the_old_one_opened
                asvs_7_4_3_a_change_that_races_50_sign_ins_by_the_old_password_leaves_one_session
                a_language_is_set_and_forgotten
                a_missing_account_has_no_language
            }
            deletion: {
                asvs_7_4_2_a_deleted_account_is_gone_with_its_sessions
                codes_of_a_deleted_account_are_closed
                a_deleted_account_leaves_no_failures
                the_names_of_a_deleted_account_can_be_registered_at_once
                one_of_50_concurrent_deletions_succeeds
                a_deletion_that_races_50_sign_ins_leaves_no_session
                a_deletion_that_races_all_other_acts_leaves_neither_session_nor_client
            }
            devices: {
                d_20_a_device_is_remembered_by_every_proof_of_all_factors
                a_device_is_remembered_by_whoever_proved_and_nobody_else
                devices_are_listed_the_most_recently_used_first
                d_20_devices_beyond_the_limit_are_forgotten_the_least_recently_used_first
                asvs_6_5_6_a_forgotten_device_is_gone_at_once
                asvs_8_2_1_nobody_forgets_the_device_of_another
                each_device_is_forgotten_by_one_of_50_concurrent_callers
                an_expired_device_cannot_be_forgotten
                asvs_7_4_3_a_changed_password_forgets_all_devices
                asvs_7_4_3_a_change_that_races_50_device_sign_ins_leaves_one_session_and_no_device
                asvs_7_4_2_a_deletion_that_races_50_device_sign_ins_leaves_neither_session_nor_device
                expired_devices_are_purged_and_live_ones_kept
            }
            device_use: {
                tn_04_a_device_token_opens_a_session_that_renews_no_proof
                tn_04_a_used_token_gives_its_place_to_its_successor
                d_20_a_device_ends_on_time_however_much_it_is_used
                tn_04_a_token_counts_for_its_owner_and_the_compared_password_only
                tn_04_50_concurrent_uses_of_a_token_leave_one_live_successor
                tn_04_a_repeat_inside_the_leeway_replaces_the_unspent_successor
                tn_04_a_replaced_successor_that_comes_back_forgets_the_device
                tn_04_a_repeat_after_the_successor_was_spent_is_not_remembered_and_forgets_nothing
                tn_04_repeats_never_stretch_the_leeway
                tn_04_a_copied_token_forgets_the_device_and_is_recorded_once
                a_device_sign_in_at_the_limit_of_sessions_ends_the_least_recently_used
                a_sign_in_finds_the_live_device_of_its_account_only
            }
            device_failures: {
                d_11_a_right_password_on_a_device_forgets_the_failures
                d_11_too_many_wrong_passwords_on_a_device_forget_it
                d_11_a_right_password_on_a_device_starts_its_count_anew
                d_11_50_concurrent_wrong_passwords_on_a_device_forget_it_once
                d_11_a_wrong_password_is_not_counted_against_the_device_of_another
            }
            directory: {
                an_account_is_found_by_each_of_its_names
                asvs_1_2_4_every_character_of_a_part_matches_itself
                pages_of_accounts_have_neither_gap_nor_repetition
                all_sessions_of_an_account_end
                events_of_all_accounts_are_listed_the_newest_first
            }
            locking: {
                asvs_7_4_2_a_locked_account_has_neither_session_nor_code
                asvs_8_3_2_a_code_that_was_sent_before_the_lock_opens_nothing
                a_lock_is_told_with_the_account
                an_unlocked_account_is_as_before_without_its_sessions
                one_of_50_concurrent_locks_succeeds
                one_of_50_concurrent_unlocks_succeeds
                nobody_is_locked_without_an_account
                a_lock_that_races_50_sign_ins_leaves_no_session
                a_lock_that_races_step_ups_and_refreshes_leaves_no_session
            }
            importing: {
                an_imported_account_is_as_it_was_given
                importing_again_changes_nothing
                names_of_others_are_refused
                the_first_of_a_batch_wins
                an_unverified_person_is_a_registration_that_reserves_nothing
                an_imported_registration_ends_with_the_account_of_its_names
                imports_remain_until_the_last_hash_is_replaced
                a_preview_says_what_an_import_would_come_to
                importers_of_the_same_people_make_each_account_once
                an_imported_account_may_be_locked
            }
            step_up: {
                asvs_7_2_4_a_step_up_puts_a_new_session_in_the_place_of_the_asking_one
                a_step_up_is_closed_when_its_session_has_ended
                a_session_of_another_gives_its_place_to_nobody
                one_of_50_concurrent_redemptions_of_a_step_up_opens_a_session
                a_step_up_at_the_limit_of_sessions_ends_the_asking_one_only
                a_step_up_is_one_challenge_that_replaces_its_newest_asker
                a_step_up_waits_for_the_cooldown_like_others
                one_of_50_concurrent_sign_ins_and_step_ups_sends
                a_right_password_of_a_step_up_forgets_the_failures
                a_right_code_of_a_step_up_forgets_the_wrong_ones
                a_step_up_without_its_account_is_closed
            }
            blind: {
                en_03_a_decoy_is_shown_like_any_other
                en_03_a_decoy_resends_like_any_other
                en_03_a_decoy_counts_and_dies_like_any_other
                asvs_6_6_3_exactly_five_of_50_concurrent_guesses_at_a_decoy_count
                an_attempt_at_a_decoy_is_given_back_after_a_fault
                en_06_quotas_bound_decoys_like_any_other
                rc_05_one_of_50_concurrent_resets_of_an_email_is_announced
                an_unseen_message_waits_for_its_number_and_the_holder_sees_nothing_of_it
                one_of_50_concurrent_unseen_messages_and_sign_ins_sends
                unseen_messages_are_bound_by_the_quotas_of_their_number
                en_05_what_does_not_reach_the_number_is_neither_sent_nor_looked_for
                what_was_sent_unseen_is_what_codes_are_checked_against
                an_unseen_message_that_never_left_frees_its_number_and_shows_in_nothing
                a_decoy_of_a_closed_challenge_reserves_nothing
                one_of_50_concurrent_phone_logins_opens_a_session
                a_phone_login_shares_no_guesses_with_a_sign_in_by_password
                a_right_code_of_a_phone_login_forgets_the_wrong_ones
                a_blind_challenge_of_an_account_that_is_gone_opens_as_a_decoy_only
                asvs_6_4_4_a_text_alone_opens_no_account_that_enrolled_an_app_meanwhile
            }
            replacing: {
                asvs_7_4_3_a_reset_replaces_the_password_and_ends_every_session
                a_reset_closes_what_the_old_password_opened
                a_reset_forgets_the_failures_of_both_names
                one_of_50_concurrent_resets_succeeds
                a_reset_of_an_account_that_is_gone_does_nothing
                the_email_of_a_reset_is_found_while_it_lives
                asvs_7_4_3_a_proven_number_replaces_the_old_one_and_ends_the_other_sessions
                a_changed_number_closes_the_codes_of_the_old_one_and_registrations_of_the_new
                one_of_50_concurrent_changes_of_a_number_succeeds
                rc_04_a_number_that_has_an_account_is_refused_after_the_right_code
                rc_04_a_number_that_two_prove_at_once_gets_one_account
                asvs_2_3_1_only_the_session_that_asked_may_prove_a_number
                asvs_14_2_7_a_number_that_was_changed_is_in_no_trace
                another_new_number_makes_another_challenge
                asvs_7_4_3_a_reset_and_a_changed_number_forget_all_devices
                a_sign_in_whose_code_was_accepted_before_a_reset_leaves_no_session
            }
            factors: {
                a_secret_waits_until_it_is_confirmed
                asvs_6_5_1_a_confirmed_app_is_enrolled_with_its_recovery_codes
                a_secret_that_was_replaced_is_not_confirmed
                one_of_50_concurrent_confirmations_enrols_the_app
                a_confirmation_that_races_another_beginning_enrols_what_it_confirmed
                an_enrolled_app_is_not_replaced_by_another_beginning
                a_secret_is_sealed_anew_unless_it_is_another
                asvs_6_5_6_asvs_7_4_3_a_removed_app_is_gone_with_its_codes_and_all_other_sessions
                an_enrolment_that_is_given_up_ends_nothing
                one_of_50_concurrent_removals_takes_effect
                new_recovery_codes_take_the_place_of_all_before
                d_15_after_50_concurrent_renewals_the_codes_of_one_are_left
                a_missing_account_has_no_factors
                asvs_6_3_5_acts_on_factors_are_recorded
                a_deleted_account_leaves_no_factors
            }
            factor_answers: {
                nb_11_a_step_opens_one_session_and_so_does_no_earlier_one
                asvs_6_5_1_one_of_50_concurrent_uses_of_a_step_opens_a_session
                asvs_6_5_1_one_of_50_concurrent_uses_of_a_recovery_code_opens_a_session
                asvs_6_5_1_a_step_that_answers_two_challenges_at_once_opens_one_session
                asvs_6_5_2_a_recovery_code_opens_its_own_account_only
                a_refused_answer_leaves_the_challenge_open
                a_step_up_by_another_factor_replaces_the_asking_session
                nb_04_a_right_answer_forgets_the_wrong_ones_of_its_kind_only
                asvs_6_6_3_all_kinds_of_guesses_share_the_attempts_and_the_quota
                asvs_6_3_5_wrong_answers_are_recorded_for_the_owner
                nb_09_a_used_recovery_code_is_recorded_and_counted
                a_challenge_shows_what_the_account_has
                what_may_not_be_sent_is_held
            }
            events: {
                an_opened_session_is_recorded_as_what_opened_it
                the_end_of_sessions_is_recorded
                tk_06_a_copied_token_is_recorded_and_other_rotations_are_not
                changes_of_an_account_are_recorded
                a_client_that_tells_nothing_is_recorded_alike
                a_session_that_is_not_ended_is_not_recorded
                an_account_that_is_not_changed_is_not_recorded
                a_code_that_opens_nothing_is_not_recorded
                what_is_no_act_of_a_store_is_recorded_of_whoever_is_there
                en_08_owners_in_the_way_of_a_registration_read_that_somebody_learnt_of_them
                en_08_a_registration_that_makes_an_account_discloses_nothing
                en_08_what_concurrent_registrations_of_an_email_learn_is_recorded_each
                an_act_of_50_concurrent_callers_is_recorded_once
            }
            event_list: {
                events_are_listed_the_newest_first_and_own_ones_only
                pages_of_events_have_neither_gap_nor_repetition
                a_deletion_leaves_the_events_without_clients
                nothing_is_recorded_of_a_deleted_account
                older_events_are_forgotten_in_bounded_bites
            }
            notices: {
                nb_06_a_notice_goes_to_the_number_that_it_was_recorded_with
                nobody_is_told_of_what_names_no_number
                nobody_is_told_of_an_act_without_effect
                tk_06_the_owner_of_a_copied_token_is_told
                asvs_6_3_7_notices_outlive_their_account
                each_notice_is_taken_by_one_of_50_concurrent_callers
                rc_06_a_notice_is_due_again_when_its_lease_ends
                a_notice_that_has_gone_is_over
                a_notice_that_is_put_off_is_due_then
                the_longest_due_goes_first
                lg_01_numbers_of_old_notices_are_forgotten_in_bounded_bites
            }
            webhooks: {
                an_event_is_made_out_once_to_all_who_want_it
                what_happened_too_long_ago_is_not_made_out
                an_event_is_made_out_once_by_50_concurrent_callers
                each_delivery_is_taken_by_one_of_50_concurrent_callers
                rc_06_a_delivery_is_due_again_when_its_lease_ends
                a_delivery_that_has_arrived_is_over
                a_delivery_that_is_put_off_is_due_then
                a_delivery_that_is_given_up_is_listed_and_revived
                the_product_hears_of_a_deletion
                a_forgotten_event_takes_its_deliveries_along
            }
            passkeys: {
                a_passkey_is_listed_as_it_was_added
                a_credential_is_kept_once_whoever_brings_it
                a_passkey_of_a_missing_account_is_not_kept
                nobody_gets_more_passkeys_than_the_limit_by_50_concurrent_calls
                one_of_50_concurrent_calls_adds_a_credential
                asvs_7_4_3_a_removed_passkey_ends_all_other_sessions
                asvs_6_5_6_a_removed_passkey_forgets_all_devices
                asvs_7_4_2_a_passkey_of_a_locked_account_opens_nothing
                one_of_50_concurrent_removals_succeeds
                a_removal_that_races_40_sign_ins_leaves_no_session
                a_used_passkey_opens_a_session_and_is_remembered
                a_counter_that_does_not_grow_opens_nothing_and_is_recorded
                a_passkey_that_does_not_count_is_used_again_and_again
                one_of_50_concurrent_uses_with_one_counter_opens_a_session
                a_passkey_of_another_opens_nothing
                a_passkey_use_makes_room_for_its_session
                challenges_of_whoever_has_a_passkey_say_so
                only_live_challenges_of_accounts_are_answerable
                a_deleted_account_leaves_no_passkey
                a_name_is_kept_as_it_was_given
            }
            ceremonies: {
                a_registration_is_finished_once_by_its_user_and_in_time
                asvs_6_7_2_one_of_50_concurrent_finishers_of_a_registration_gets_it
                asvs_6_7_2_one_of_50_concurrent_finishers_of_a_sign_in_gets_it
                a_sign_in_finds_whoevers_credential_is_presented
                asvs_2_3_1_an_answer_serves_its_challenge_and_its_user_only
                ceremonies_go_with_their_account_and_their_time
                a_passkey_answers_a_sign_in_and_a_step_up
                a_cloned_passkey_leaves_the_challenge_to_its_code
                one_of_50_concurrent_answers_opens_a_session
                asvs_6_5_1_a_code_and_a_passkey_answer_a_challenge_once_together
                nb_04_a_right_passkey_forgets_wrong_passkeys_and_no_wrong_codes
                a_step_up_by_passkey_is_closed_when_its_session_has_ended
            }
            purging: {
                a_purge_removes_nothing_that_a_rule_looks_at
                a_purge_removes_all_that_is_past_and_in_bounded_bites
            }
            shield: {
                d_08_exactly_the_quota_of_50_concurrent_messages_to_a_prefix_is_admitted
                d_08_messages_of_strangers_and_to_accounts_are_counted_apart
                d_10_never_more_than_the_budget_of_50_concurrent_messages_is_admitted
                d_10_strangers_leave_a_reserve_to_the_numbers_of_accounts
                d_10_money_is_bounded_by_what_messages_cost
                sm_07_a_prefix_gets_three_codes_of_50_concurrent_strangers_and_is_then_blocked
                sm_07_an_operator_takes_a_block_away
                sm_07_a_block_that_nobody_knocks_at_heals_by_one_code_that_is_entered
                sm_07_a_block_at_which_more_was_tried_is_renewed_for_twelve_hours
                d_09_a_country_whose_codes_nobody_enters_is_stopped_and_comes_free
                d_09_a_code_that_is_entered_is_counted_with_its_number_whatever_it_opens
                sm_07_a_code_that_is_entered_makes_up_for_three_and_for_no_more_than_there_are
                sm_07_a_message_that_never_left_is_taken_back
                sm_07_neighbouring_numbers_and_repeats_are_seen
                sm_07_who_waited_gets_one_code_more_and_whoever_comes_new_does_not
                sm_07_looking_changes_nothing
                sm_10_a_puzzle_is_used_up_by_one_of_50
                sm_10_starts_are_counted_whatever_becomes_of_them
                sm_07_what_no_rule_looks_at_is_forgotten
            }
            send_traces: {
                a_message_is_traced_from_its_beginning_to_its_code
                a_message_is_begun_and_settled_once
                two_providers_asked_for_one_message_have_a_trace_each
                what_did_not_leave_is_not_counted_as_sent
                a_message_whose_answer_was_lost_may_prove_to_be_sent
                one_of_50_concurrent_entries_counts
                of_two_messages_with_one_id_of_the_provider_the_newer_is_entered_once
                asvs_14_2_7_a_deleted_account_leaves_no_number_in_traces
                asvs_14_2_7_old_traces_are_forgotten_with_their_callbacks
            }
            callbacks: {
                wh_03_a_result_before_the_answer_of_the_provider_does_not_say_which_try_counts
                wh_02_a_callback_of_nothing_that_was_sent_is_not_ours
                wh_02_a_callback_of_another_number_or_verification_is_not_ours
                wh_02_a_message_that_was_not_sent_is_not_wanted
                wh_03_a_callback_that_came_before_has_no_effect
                wh_03_50_concurrent_repeats_of_a_callback_count_once
                wh_03_50_concurrent_callbacks_of_one_end_count_once
                wh_03_no_callback_moves_a_message_backwards
                wh_03_callbacks_before_the_answer_of_the_provider_count
                callbacks_of_a_message_are_bounded
            }
            quotes: {
                a_quote_becomes_the_cost_of_its_message_once
                of_50_concurrent_repeats_of_a_quote_one_changes_what_was_spent
                what_was_spent_is_the_sum_of_50_concurrent_quotes
                a_quote_for_what_did_not_leave_changes_no_figures
                the_last_quotes_are_listed_by_provider_channel_and_country
                old_quotes_are_forgotten
            }
            figures: {
                conversions_are_those_of_people_who_had_proven_a_password
                figures_are_told_apart_by_what_is_asked_for
                figures_come_in_steps_and_the_largest_groups_first
            }
            signing_keys: {
                a_signing_key_is_listed_as_it_was_added
                a_signing_key_follows_the_newest_only
                tk_08_one_of_50_concurrent_starts_makes_the_first_signing_key
                retiring_the_newest_signing_key_adds_its_successor
                retiring_an_older_signing_key_adds_none
                one_of_50_concurrent_callers_retires_a_signing_key
                the_newest_signing_key_is_in_use_whatever_50_concurrent_callers_do
                signing_keys_are_forgotten_but_never_the_newest
            }
        }
    };
    (@tests $fresh:expr; $($module:ident: { $($promise:ident)+ })+) => {
        $($(
            #[::tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let (stores, _guard) = $fresh.await;
                $crate::contract::$module::$promise(&stores).await;
            }
        )+)+
    };
}

/// Makes one test of each promise of a [`VerificationProvider`](crate::VerificationProvider).
///
/// The argument is an expression that gives a fresh
/// [`ProviderStage`](provider::ProviderStage), within an async function. The calling crate needs
/// `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! provider_contract {
    ($fresh:expr) => {
        $crate::provider_contract! { @tests $fresh;
            pv_01_a_code_that_was_sent_is_accepted
            asvs_6_5_1_a_code_is_accepted_once_by_a_provider_that_remembers
            pv_01_a_wrong_code_is_wrong_and_the_right_one_may_follow
            pv_01_an_expired_code_is_gone
            pv_01_an_unknown_verification_accepts_nothing
            asvs_6_6_2_a_code_is_of_its_own_verification
            asvs_6_6_2_a_later_start_has_a_code_of_its_own_or_is_the_same_verification
            pv_01_a_refused_destination_is_told
            rc_06_a_lost_answer_is_found_or_unknown_and_nothing_is_sent_twice
            rc_06_what_never_arrived_is_not_told_as_sent
            rc_06_what_was_started_is_found_again
            asvs_13_1_3_a_silent_provider_costs_no_more_than_the_time_set
            pv_01_an_answer_that_is_none_lets_nobody_in
            asvs_15_3_2_a_redirect_sends_nothing
            lg_01_errors_hold_neither_numbers_nor_codes_nor_secrets
        }
    };
    (@tests $fresh:expr; $($promise:ident)+) => {
        $(
            #[::tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let stage = $fresh;
                $crate::contract::provider::$promise(&stage).await;
            }
        )+
    };
}

/// Makes one test of each promise of a [`RateLimiter`](crate::RateLimiter).
///
/// The argument is an async expression that gives a fresh
/// [`LimiterStage`](rate_limits::LimiterStage). The calling crate needs `tokio` with `macros` and
/// `rt-multi-thread`.
#[macro_export]
macro_rules! rate_limiter_contract {
    ($fresh:expr) => {
        $crate::rate_limiter_contract! { @tests $fresh;
            rc_07_exactly_the_burst_of_50_concurrent_calls_is_admitted
            sm_09_eight_replicas_share_every_limit
            rc_07_all_limits_of_a_call_are_used_or_none
            rc_07_of_concurrent_calls_none_uses_one_limit_without_the_other
            limits_of_different_keys_know_nothing_of_each_other
            hx_04_each_kind_of_subject_has_its_own_count
            whoever_waits_as_long_as_told_is_admitted
            a_refusal_prolongs_no_wait
            what_is_left_is_told
            a_limit_that_was_lowered_makes_nobody_wait_longer_than_it_would
            without_limits_every_call_is_admitted
        }
    };
    (@tests $fresh:expr; $($promise:ident)+) => {
        $(
            #[::tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let stage = $fresh.await;
                $crate::contract::rate_limits::$promise(&stage).await;
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_in_the_macro() {
        let list = include_str!("mod.rs");
        let suites = [
            include_str!("account_changes.rs"),
            include_str!("accounts.rs"),
            include_str!("blind.rs"),
            include_str!("ceremonies.rs"),
            include_str!("deletion.rs"),
            include_str!("device_failures.rs"),
            include_str!("device_use.rs"),
            include_str!("devices.rs"),
            include_str!("directory.rs"),
            include_str!("event_list.rs"),
            include_str!("events.rs"),
            include_str!("factor_answers.rs"),
            include_str!("factors.rs"),
            include_str!("giving_back.rs"),
            include_str!("guessing.rs"),
            include_str!("importing.rs"),
            include_str!("locking.rs"),
            include_str!("notices.rs"),
            include_str!("opening.rs"),
            include_str!("passkeys.rs"),
            include_str!("provider.rs"),
            include_str!("purging.rs"),
            include_str!("quotas.rs"),
            include_str!("rate_limits.rs"),
            include_str!("redeeming.rs"),
            include_str!("replacing.rs"),
            include_str!("rotation.rs"),
            include_str!("send_traces.rs"),
            include_str!("sending.rs"),
            include_str!("session_list.rs"),
            include_str!("sessions.rs"),
            include_str!("shield.rs"),
            include_str!("signing_keys.rs"),
            include_str!("step_up.rs"),
            include_str!("webhooks.rs"),
        ];
        let promises = suites.iter().flat_map(|suite| suite.lines()).filter_map(|line| {
            line.strip_prefix("pub async fn ").and_then(|rest| rest.split_once('(')).map(|(name, _)| name)
        });
        let missing: Vec<&str> =
            promises.filter(|name| !list.lines().any(|line| line.trim() == *name)).collect();
        assert!(missing.is_empty(), "not run by a contract: {missing:?}");
    }
}
