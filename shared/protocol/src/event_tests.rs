//! The state machine, step by step: what each input leads to, and that no input pays twice.

use super::*;
use crate::outcome::Outcome;

fn facts(attempt: u8) -> ClaimFacts {
    ClaimFacts { attempt_id: AttemptId([attempt; 16]), event: Digest::of("evt"), terms: Digest::of("terms") }
}

fn event() -> Event {
    Event::new(facts(1), Digest::of("request"))
}

const OPEN: Input = Input::Gate { hold: Hold::Pay, time: TimeLeft::ForPayout, patience: Patience::Lasts };

fn claiming() -> Event {
    let mut event = event();
    assert!(matches!(event.step(OPEN), Action::Connect));
    assert!(matches!(event.step(Input::Connected), Action::PutClaim));
    event
}

fn paying() -> Event {
    let mut event = claiming();
    assert!(matches!(event.step(Input::Claim(ClaimAnswer::Written)), Action::Pay(_)));
    event
}

#[test]
fn a_plain_delivery_claims_pays_records_and_answers() {
    let mut event = paying();
    let accepted = Verdict::plain(Outcome::Accepted);
    assert!(matches!(event.step(Input::Paid(accepted)), Action::Record(verdict) if verdict == accepted));
    let done = Answer::Done(accepted, Recorded::Durable);
    assert!(matches!(event.step(Input::Recorded(Recorded::Durable)), Action::Answer(said) if said == done));
}

#[test]
fn former_keys_are_read_before_the_own_claim() {
    let begun = || {
        let mut event = event().with_former_keys();
        assert!(matches!(event.step(OPEN), Action::LookUpFormer));
        event
    };
    let free = Input::ClaimRead(None);
    let mut event = begun();
    assert!(matches!(event.step(free), Action::LookAtGate));
    assert!(matches!(event.step(OPEN), Action::Connect));

    assert!(matches!(begun().step(Input::ClaimRead(Some(facts(2)))), Action::Answer(Answer::Duplicate)));
    let other = ClaimFacts { event: Digest::of("other"), ..facts(2) };
    let second = begun().step(Input::ClaimRead(Some(other)));
    assert!(matches!(second, Action::FileCase(Reason::SecondEventForKey)));
    let closing = ClosingFacts { by: ClosedBy::People, event: None, terms: None };
    assert!(matches!(begun().step(Input::ClosingRead(closing)), Action::FileCase(Reason::SecondEventForKey)));
    assert!(matches!(begun().step(Input::ClaimUnreadable), Action::Answer(Answer::Duplicate)), "it is somebody's");
    for unknown in [Input::ClaimNotRead, Input::Panicked] {
        assert!(matches!(begun().step(unknown), Action::NoteRefusal));
    }
    let barred = Input::Barred(Refusal::RulesNotAccepted);
    let mut event = self::event().with_former_keys();
    assert!(matches!(event.step(barred), Action::LookUpFormer));
    event.step(free);
    assert!(matches!(event.step(barred), Action::LookUpClaim));
}

/// Its claim may be missing in these tables: "surely not sent" would be a lie that people could pay upon.
#[test]
fn a_barred_version_claims_nothing_however_old_the_event() {
    let refusals = [Refusal::TablesNotReleased, Refusal::RulesNotAccepted, Refusal::ControlUnreadable];
    for refusal in refusals {
        let mut event = event();
        assert!(matches!(event.step(Input::Barred(refusal)), Action::LookUpClaim));
        assert!(matches!(event.step(Input::ClaimRead(None)), Action::NoteRefusal));
        assert!(matches!(event.step(Input::Noted), Action::Answer(Answer::Refused(said)) if said == refusal));
    }
}

#[test]
fn a_lost_answer_is_recognised_on_the_second_put_only() {
    let mut event = claiming();
    assert!(matches!(event.step(Input::Claim(ClaimAnswer::NoAnswer)), Action::PutClaim));
    assert!(matches!(event.step(Input::Claim(ClaimAnswer::Taken(facts(1)))), Action::Pay(_)));
}

/// Else two workers pay for the one claim of the other.
#[test]
fn claim_of_another_worker_is_never_paid_after_a_lost_answer() {
    let mut event = claiming();
    event.step(Input::Claim(ClaimAnswer::NoAnswer));
    assert!(matches!(event.step(Input::Claim(ClaimAnswer::Taken(facts(2)))), Action::Answer(Answer::Duplicate)));
}

#[test]
fn provider_is_told_to_come_back_by_a_refusal_alone() {
    let refused = Answer::Refused(Refusal::ClaimUncertain);
    let finals = [
        Answer::Done(Verdict::UNKNOWN, Recorded::Failed),
        Answer::Duplicate,
        Answer::Filed(Reason::InvalidEvent),
        Answer::Impossible,
    ];
    assert!(delivery_is_final(finals) && finals.into_iter().all(Answer::is_final));
    assert!(!refused.is_final());
    assert!(!delivery_is_final([finals.as_slice(), &[refused]].concat()), "one event would be lost");
}

/// A person's will is no reason to take a version back.
#[test]
fn refusal_by_a_person_is_no_fault() {
    let by_people = [Refusal::Hold, Refusal::TablesNotReleased, Refusal::RulesNotAccepted];
    for refusal in Refusal::ALL {
        assert_eq!(refusal.is_fault(), !by_people.contains(refusal), "{refusal}");
    }
}

#[test]
fn first_put_that_meets_our_own_id_is_impossible() {
    let mut event = claiming();
    let action = event.step(Input::Claim(ClaimAnswer::Taken(facts(1))));
    assert!(matches!(action, Action::Answer(Answer::Impossible)));
}

#[test]
fn two_puts_without_an_answer_do_not_pay() {
    let mut event = claiming();
    event.step(Input::Claim(ClaimAnswer::NoAnswer));
    assert!(matches!(event.step(Input::Claim(ClaimAnswer::NoAnswer)), Action::NoteRefusal));
    assert!(matches!(event.step(Input::Noted), Action::Answer(Answer::Refused(Refusal::ClaimUncertain))));
}

/// A 503 that nobody remembers is a silent loss when the provider does not come back.
#[test]
fn every_refusal_is_noted_before_it_is_answered() {
    let mut conflicting = claiming();
    assert!(matches!(conflicting.step(Input::Claim(ClaimAnswer::NotApplied)), Action::NoteRefusal));
    assert!(matches!(conflicting.step(Input::Noted), Action::Answer(Answer::Refused(Refusal::ClaimUncertain))));

    let mut unfiled = claiming();
    unfiled.step(Input::Claim(ClaimAnswer::Unacceptable));
    assert!(matches!(unfiled.step(Input::CaseNotFiled), Action::NoteRefusal));
    assert!(matches!(unfiled.step(Input::Noted), Action::Answer(Answer::Refused(Refusal::CaseNotWritten))));
}

#[test]
fn a_panic_while_paying_is_unknown_and_never_pays_again() {
    let mut event = paying();
    assert!(matches!(event.step(Input::Panicked), Action::Record(Verdict::UNKNOWN)));
    assert!(matches!(event.step(Input::Panicked), Action::Answer(Answer::Done(_, Recorded::Failed))));
    assert!(matches!(event.step(OPEN), Action::Answer(_)));
}

#[test]
fn another_event_or_other_terms_open_a_case() {
    let mut second = claiming();
    let theirs = ClaimFacts { event: Digest::of("other"), ..facts(2) };
    assert!(matches!(
        second.step(Input::Claim(ClaimAnswer::Taken(theirs))),
        Action::FileCase(Reason::SecondEventForKey)
    ));
    let mut changed = claiming();
    let theirs = ClaimFacts { terms: Digest::of("other"), ..facts(2) };
    assert!(matches!(
        changed.step(Input::Claim(ClaimAnswer::Taken(theirs))),
        Action::FileCase(Reason::ConflictingDuplicate)
    ));
}

/// However an event meets what people closed, it is not paid, and it is silent only where its terms were verified.
#[test]
fn closing_claim_is_a_duplicate_only_for_verified_terms() {
    let ours = facts(1);
    let closing = |event, terms| ClosingFacts { by: ClosedBy::People, event, terms };
    for (closing, expected) in [
        (closing(Some(ours.event), Some(ours.terms)), Answer::Duplicate),
        (closing(Some(ours.event), None), Answer::Filed(Reason::ConflictingDuplicate)),
        (closing(Some(ours.event), Some(Digest::of("other"))), Answer::Filed(Reason::ConflictingDuplicate)),
        (closing(Some(Digest::of("other")), Some(ours.terms)), Answer::Filed(Reason::SecondEventForKey)),
        (closing(None, None), Answer::Filed(Reason::SecondEventForKey)),
        (
            ClosingFacts { by: ClosedBy::Bar, event: Some(Digest::of("a refund")), terms: None },
            Answer::Filed(Reason::BlockedBeforePayout),
        ),
    ] {
        let mut shut = event();
        shut.step(Input::Gate { hold: Hold::Refuse, time: TimeLeft::ForPayout, patience: Patience::Lasts });
        let looked = shut.step(Input::ClosingRead(closing));
        let put = claiming().step(Input::Claim(ClaimAnswer::Closed(closing)));
        let mut uncertain = claiming();
        uncertain.step(Input::Claim(ClaimAnswer::NoAnswer));
        let put_again = uncertain.step(Input::Claim(ClaimAnswer::Closed(closing)));
        for action in [looked, put, put_again] {
            match (action, expected) {
                (Action::Answer(said), expected) => assert_eq!(said, expected, "{closing:?}"),
                (Action::FileCase(reason), Answer::Filed(expected)) => assert_eq!(reason, expected, "{closing:?}"),
                other => panic!("{closing:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_shut_gate_claims_nothing_until_patience_is_over() {
    for (hold, time) in [
        (Hold::Refuse, TimeLeft::ForPayout),
        (Hold::Pay, TimeLeft::ForClaim),
        (Hold::Pay, TimeLeft::None),
        (Hold::Record, TimeLeft::None),
    ] {
        let shut = Input::Gate { hold, time, patience: Patience::Lasts };
        assert!(matches!(event().step(shut), Action::LookUpClaim), "{hold} {time:?}");
    }
    let mut late = event();
    let shut = Input::Gate { hold: Hold::Refuse, time: TimeLeft::ForPayout, patience: Patience::Over };
    assert!(matches!(late.step(shut), Action::PutClaim));
    assert!(matches!(late.step(Input::Claim(ClaimAnswer::Written)), Action::Record(Verdict::NOT_SENT)));
}

#[test]
fn a_duplicate_is_2xx_even_while_the_gate_is_shut() {
    let mut event = event();
    event.step(Input::Gate { hold: Hold::Refuse, time: TimeLeft::ForPayout, patience: Patience::Lasts });
    assert!(matches!(event.step(Input::ClaimRead(Some(facts(2)))), Action::Answer(Answer::Duplicate)));
}

/// Nothing is known of it but that it is there; of what could not be read at all not even that.
#[test]
fn a_claim_that_cannot_be_read_is_a_duplicate() {
    let shut = Input::Gate { hold: Hold::Refuse, time: TimeLeft::ForPayout, patience: Patience::Lasts };
    let mut there = event();
    there.step(shut);
    assert!(matches!(there.step(Input::ClaimUnreadable), Action::Answer(Answer::Duplicate)));
    let mut dark = event();
    dark.step(shut);
    assert!(matches!(dark.step(Input::ClaimNotRead), Action::NoteRefusal));
}

/// Every input in every reachable state: an end is reached, and at most one payment comes out.
#[test]
fn every_sequence_of_inputs_ends_with_at_most_one_payment() {
    let inputs = || {
        let mut all = vec![
            Input::Connected,
            Input::ClaimRead(None),
            Input::ClaimRead(Some(facts(2))),
            Input::ClaimUnreadable,
            Input::ClaimNotRead,
            Input::ClosingRead(ClosingFacts { by: ClosedBy::People, event: None, terms: None }),
            Input::ClosingRead(ClosingFacts { by: ClosedBy::Bar, event: None, terms: None }),
            Input::Claim(ClaimAnswer::Closed(ClosingFacts { by: ClosedBy::Bar, event: None, terms: None })),
            Input::Claim(ClaimAnswer::Closed(ClosingFacts {
                by: ClosedBy::People,
                event: Some(facts(1).event),
                terms: Some(facts(1).terms),
            })),
            Input::Noted,
            Input::CaseFiled,
            Input::CaseNotFiled,
            Input::Panicked,
            Input::Claim(ClaimAnswer::Written),
            Input::Claim(ClaimAnswer::Taken(facts(1))),
            Input::Claim(ClaimAnswer::Taken(facts(2))),
            Input::Claim(ClaimAnswer::NoAnswer),
            Input::Claim(ClaimAnswer::NotApplied),
            Input::Claim(ClaimAnswer::Unacceptable),
        ];
        all.extend(Outcome::ALL.iter().map(|outcome| Input::Paid(Verdict::plain(*outcome))));
        all.extend([Recorded::Durable, Recorded::Late, Recorded::Failed].map(Input::Recorded));
        for patience in [Patience::Lasts, Patience::Over] {
            all.push(Input::NotConnected { patience });
            for hold in Hold::ALL.iter().copied() {
                for time in [TimeLeft::ForPayout, TimeLeft::ForClaim, TimeLeft::None] {
                    all.push(Input::Gate { hold, time, patience });
                }
            }
        }
        all
    };
    let mut open = vec![(event(), 0, 0)];
    let mut seen = std::collections::HashSet::new();
    while let Some((event, payments, steps)) = open.pop() {
        assert!(steps <= 7, "no end in sight: {event:?}");
        for input in inputs() {
            let mut next = event.clone();
            let action = next.step(input);
            let payments = payments + u32::from(matches!(action, Action::Pay(_)));
            assert!(payments <= 1, "{event:?} {input:?}");
            if !matches!(action, Action::Answer(_)) && seen.insert((next.clone(), payments)) {
                open.push((next, payments, steps + 1));
            }
        }
    }
}
