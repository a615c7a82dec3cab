//! What holds while texts are barred, which no method of a port brings about by itself.

use domain::{EventName, TotpStep, UserId};

use super::{
    Stores,
    factors::CONFIRMED_WITH,
    fixtures::{event, login, minute, resend, session, start, step_up, use_of},
};
use crate::{Admitted, Proof, Redeemed, SendDecision};

impl Stores {
    /// Panics unless codes that are sent open nothing once `bar` has barred texts for an account
    /// with an app, until its app, a recovery code or a passkey was used.
    pub async fn asvs_6_4_3_while_texts_are_barred_only_another_factor_opens(
        &self,
        bar: impl AsyncFn(UserId),
    ) {
        let lifting = |code| {
            [
                Proof::Totp(TotpStep(CONFIRMED_WITH.0 + 1)),
                Proof::RecoveryCode { hash: code, event: event(EventName::RecoveryCodeUsed) },
            ]
        };
        for (number, place) in [(1, 0), (2, 1)] {
            let (user, asking, codes) = self.with_app(number, start()).await;
            let before = self.attempt_of(&login(&user), minute(10)).await;
            assert!(!before.text_barred);
            bar(user.id).await;
            assert!(!self.second_factors(user.id).await.accept_text());

            let of_login = self.attempt_of(&login(&user), minute(13)).await;
            let of_step_up = self.attempt_of(&step_up(&user, asking.id), minute(13)).await;
            assert!(of_login.text_barred && of_step_up.text_barred);
            let further = self.resend(&resend(&of_login.challenge_id), minute(16)).await.expect("it lives");
            assert_eq!(further.send, SendDecision::Held, "nothing is sent that opens nothing");
            assert!(!further.challenge.second_factors.accept_text());

            // Even a code that was taken for right before the bar opens nothing after it.
            let sent = session(minute(16));
            assert_eq!(self.redeem_login(&before, &sent).await, Redeemed::Closed);
            assert_eq!(self.redeem_step_up(&of_step_up, &sent).await, Redeemed::Closed);
            assert!(!self.is_live(sent.id, user.id, minute(16)).await);

            let proof = &lifting(codes[0])[place];
            let attempt = self.attempt_of(&login(&user), minute(20)).await;
            let Redeemed::Done(user) = self.redeem_login_by(&attempt, proof, &session(minute(20))).await
            else {
                panic!("another factor opens the account");
            };
            assert!(user.second_factors.accept_text() && !user.second_factors.text_barred);
            self.sign_in(&user, &session(minute(30)), minute(30)).await;
        }
        let (user, _, _) = self.with_app(3, start()).await;
        let passkey = self.enrol_passkey(&user, 1, start()).await;
        for (counter, alone) in [(2, false), (3, true)] {
            bar(user.id).await;
            let (usage, opened) = (use_of(&passkey, counter), session(minute(40)));
            let admitted = if alone {
                self.passkeys.sign_in_with_passkey(&usage, &opened).await.expect("sign_in_with_passkey")
            } else {
                let attempt = self.attempt_of(&login(&user), minute(40)).await;
                self.answer(&attempt, &usage, &opened).await
            };
            let Admitted::Done(user) = admitted else { panic!("a passkey opens the account: {admitted:?}") };
            assert!(user.second_factors.accept_text() && self.second_factors(user.id).await.accept_text());
        }
    }
}
