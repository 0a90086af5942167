use std::collections::BTreeSet;

use super::*;

const NOW: UnixMillis = 1_764_000_123_456;

fn case() -> CaseId {
    CaseId::parse("20b08ebd-f665-8c43-b6ef-eee1de011172").unwrap()
}

fn event() -> EventId {
    EventId::new("evt_1#a/b").unwrap()
}

/// One of each shape, with its text. A new variant does not compile until it stands here.
fn audit_keys() -> Vec<(AuditSk, String)> {
    let (event, other) = (Digest::of("evt_1"), Digest::of("stripe/pi_2"));
    let all = [
        AuditSk::Alias { event, other },
        AuditSk::Barred,
        AuditSk::OwnOrder(other),
        AuditSk::Refused(event),
        AuditSk::Unfiled,
        AuditSk::Claim(1),
        AuditSk::Late(1),
        AuditSk::LookUp(1, NOW),
        AuditSk::Outcome(1),
        AuditSk::Claim(2),
    ];
    let text = |sk: &AuditSk| match sk {
        AuditSk::Alias { .. } => format!("0000#alias#{event}#{other}"),
        AuditSk::Barred => "0000#barred".to_owned(),
        AuditSk::OwnOrder(_) => format!("0000#own#{other}"),
        AuditSk::Refused(_) => format!("0000#refused#{event}"),
        AuditSk::Unfiled => "0000#unfiled".to_owned(),
        AuditSk::Claim(attempt) => format!("000{attempt}#claim"),
        AuditSk::Late(_) => "0001#late".to_owned(),
        AuditSk::LookUp(..) => "0001#look_up#1764000123456".to_owned(),
        AuditSk::Outcome(_) => "0001#outcome".to_owned(),
    };
    all.into_iter().map(|sk| (sk, text(&sk))).collect()
}

#[test]
fn every_sort_key_of_the_audit_table_is_read_back_as_what_it_was() {
    for (sk, text) in audit_keys() {
        assert_eq!(sk.to_string(), text);
        assert_eq!(AuditSk::parse(&text), Some(sk), "{text}");
        let claimed = match sk {
            AuditSk::Claim(attempt) => Some(attempt),
            _ => None,
        };
        assert_eq!(AuditSk::claimed(&text), claimed);
        assert_eq!(AuditSk::ended(&text), matches!(sk, AuditSk::Outcome(_)).then_some(1));
        assert_eq!(AuditSk::is_of_no_attempt(&text), text.starts_with("0000"));
        assert_eq!(is_claim(&text), claimed.is_some());
    }
    for last in [AuditSk::Claim(u16::MAX), AuditSk::LookUp(u16::MAX, u64::MAX)] {
        assert_eq!(AuditSk::parse(&last.to_string()), Some(last));
    }
}

#[test]
fn refuses_text_that_is_no_sort_key_of_the_audit_table() {
    let hash = Digest::of("evt_1").to_string();
    let spoilt =
        audit_keys().into_iter().flat_map(|(_, text)| [format!("{text}#"), format!("{text}x"), format!(" {text}")]);
    let odd = [
        "",
        "#",
        "claim",
        "0001",
        "0001#",
        "1#claim",
        "+001#claim",
        "00001#claim",
        "70000#claim",
        "0001#reserved",
        "0001#look_up",
        "0001#look_up#12",
        "0001#barred",
        "0000#claim",
        "0000#outcome",
        "0000#refused",
        "0000#own#00",
        "0000#later",
        "case",
    ];
    let halves =
        [format!("0000#alias#{hash}"), format!("0000#alias#{hash}#"), format!("0000#refused#{}", hash.to_uppercase())];
    for text in spoilt.chain(odd.map(str::to_owned)).chain(halves) {
        assert_eq!(AuditSk::parse(&text), None, "{text}");
    }
}

/// Whoever reads a payout reads a claim before everything else of its attempt, and what is of no attempt before all.
#[test]
fn items_of_a_payout_stand_in_the_order_in_which_they_are_read() {
    let texts: Vec<String> = audit_keys().into_iter().map(|(_, text)| text).collect();
    assert!(texts.is_sorted(), "{texts:?}");
    let key = PayoutKey::new("stripe/pi_1").unwrap();
    let range = attempt(&key, 1);
    assert_eq!((range.pk.as_s().unwrap().as_str(), range.prefix.as_s().unwrap().as_str()), ("stripe/pi_1", "0001#"));
    let of_event = aliases(&key, &EventId::new("evt_1").unwrap());
    assert!(texts[0].starts_with(of_event.prefix.as_s().unwrap()), "{texts:?}");
}

/// One of each shape, with its keys.
fn reconcile_keys() -> Vec<(ReconcileKey, [String; 2])> {
    let hash = Digest::of("form");
    let batch = || batch_id(NOW, hash);
    let named = || "ns#0000".to_owned();
    let all = [
        ReconcileKey::Case(case()),
        ReconcileKey::History(Versioned::Case(case()), 2),
        ReconcileKey::History(Versioned::Case(case()), 1_000_000),
        ReconcileKey::Beside(case(), Beside::FoundOut(1)),
        ReconcileKey::Beside(case(), Beside::Written(hash)),
        ReconcileKey::Beside(case(), Beside::Event(event())),
        ReconcileKey::Batch(batch()),
        ReconcileKey::History(Versioned::Batch(batch()), 2),
        ReconcileKey::Person("auth0|ada".to_owned()),
        ReconcileKey::Hold,
        ReconcileKey::History(Versioned::Hold, 2),
        ReconcileKey::Accepted(named()),
        ReconcileKey::AcceptedHistory(named(), 2),
        ReconcileKey::Round,
        ReconcileKey::DueLookUps(3),
        ReconcileKey::Samples,
        ReconcileKey::OpenCounts,
        ReconcileKey::OutcomeCounts,
        ReconcileKey::Snapshot,
        ReconcileKey::Run(NOW),
        ReconcileKey::RunsBegin,
        ReconcileKey::RunFile { to: NOW, digest: hash, part: 3 },
        ReconcileKey::Import(7),
        ReconcileKey::ImportPart { digest: hash, part: 3 },
    ];
    let (id, batch) = (case().to_string(), batch());
    let text = |key: &ReconcileKey| match key {
        ReconcileKey::Case(_) => [id.clone(), "case".to_owned()],
        ReconcileKey::History(Versioned::Case(_), version) => [id.clone(), format!("history#{version:06}")],
        ReconcileKey::Beside(_, Beside::Written(_)) => [id.clone(), format!("history#added#{hash}")],
        ReconcileKey::Beside(_, Beside::FoundOut(_)) => [id.clone(), "history#added#000001".to_owned()],
        ReconcileKey::Beside(_, Beside::Event(_)) => [id.clone(), "history#event#evt_1#a/b".to_owned()],
        ReconcileKey::Batch(_) => ["batches".to_owned(), batch.clone()],
        ReconcileKey::History(Versioned::Batch(_), _) => [format!("batch/{batch}"), "history#000002".to_owned()],
        ReconcileKey::Person(_) => ["person", "auth0|ada"].map(str::to_owned),
        ReconcileKey::Hold => ["control", "hold"].map(str::to_owned),
        ReconcileKey::History(Versioned::Hold, _) => ["control", "history#000002"].map(str::to_owned),
        ReconcileKey::Accepted(_) => ["control", "provider#ns#0000"].map(str::to_owned),
        ReconcileKey::AcceptedHistory(..) => ["control", "history#provider#ns#0000#000002"].map(str::to_owned),
        ReconcileKey::Round => ["sweeper", "round"].map(str::to_owned),
        ReconcileKey::DueLookUps(_) => ["sweeper", "look_ups#03"].map(str::to_owned),
        ReconcileKey::Samples => ["sweeper", "accepted"].map(str::to_owned),
        ReconcileKey::OpenCounts => ["sweeper", "open_counts"].map(str::to_owned),
        ReconcileKey::OutcomeCounts => ["sweeper", "outcome_counts"].map(str::to_owned),
        ReconcileKey::Snapshot => ["sweeper", "snapshot"].map(str::to_owned),
        ReconcileKey::Run(_) => ["runs", "1764000123456"].map(str::to_owned),
        ReconcileKey::RunsBegin => ["runs", "begin"].map(str::to_owned),
        ReconcileKey::RunFile { .. } => ["run/1764000123456".to_owned(), format!("{hash}#0003")],
        ReconcileKey::Import(_) => ["bank", "000007"].map(str::to_owned),
        ReconcileKey::ImportPart { .. } => [format!("bank/{hash}"), "part#0003".to_owned()],
    };
    all.into_iter().map(|key| (key.clone(), text(&key))).collect()
}

#[test]
fn every_key_of_the_reconcile_table_is_read_back_as_what_it_was() {
    for (key, [pk, sk]) in reconcile_keys() {
        let item = key.keys().into_item();
        assert_eq!([&item["pk"], &item["sk"]].map(|text| text.as_s().unwrap().clone()), [pk.clone(), sk.clone()]);
        assert_eq!(ReconcileKey::of(&item), Some(key), "{pk} {sk}");
        assert_eq!(is_case(&sk), sk == "case");
    }
    let texts: BTreeSet<[String; 2]> = reconcile_keys().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts.len(), reconcile_keys().len(), "two of them are one item");
}

#[test]
fn refuses_keys_that_are_none_of_the_reconcile_table() {
    let id = case().to_string();
    let of_a_case = [
        "",
        "cases",
        "history",
        "history#",
        "history#1",
        "history#+00001",
        "history#added#",
        "history#added#1",
        "history#event#",
        "history#provider#a#000001",
        "hold",
    ];
    let of_control = [
        "",
        "holds",
        "case",
        "provider#",
        "history#1",
        "history#provider##000001",
        "history#provider#a",
        "history#provider#a#1",
        "history#added#000001",
    ];
    let of_batches = ["", "1", "1764000123456", "1764000123456-", "1764000123456-0A1B2C3D", "176400012345-0a1b2c3d"];
    let odd = of_a_case.map(|sk| (id.as_str(), sk)).into_iter();
    let odd = odd.chain(of_control.map(|sk| ("control", sk))).chain(of_batches.map(|sk| ("batches", sk)));
    let odd = odd.chain(["rounds", "look_ups#", "look_ups#1", "case"].map(|sk| ("sweeper", sk)));
    let odd = odd.chain(["", "176400012345", "01764000123456", "+1764000123456"].map(|sk| ("runs", sk)));
    let odd = odd.chain(["", "0000", "00#0000"].map(|sk| ("run/1764000123456", sk)));
    let odd = odd
        .chain(["", "7", "+00007", "0000007"].map(|sk| ("bank", sk)))
        .chain([("bank/", "part#0000"), ("bank/00", "part#0000")]);
    let odd = odd.chain([
        ("person", ""),
        ("people", "ada"),
        ("batch/", "history#000001"),
        ("batch/1", "history#000001"),
        ("", "case"),
    ]);
    let upper = id.to_uppercase();
    for (pk, sk) in odd.chain([(upper.as_str(), "case")]) {
        assert_eq!(ReconcileKey::parse(pk, sk), None, "{pk} {sk}");
    }
    assert_eq!(ReconcileKey::of(&Item::new()), None);
}

#[test]
fn history_of_a_case_is_read_by_version_then_what_stands_beside_it_then_its_events() {
    let of_case = reconcile_keys().into_iter().map(|(_, keys)| keys).filter(|[pk, _]| *pk == case().as_str());
    let sort_keys: Vec<String> = of_case.map(|[_, sk]| sk).filter(|sk| !is_case(sk)).collect();
    assert!(sort_keys.is_sorted() && sort_keys.len() == 5, "{sort_keys:?}");
    let (all, events) = (whole_history(&case()), events_beside(&case()));
    let begins = |sk: &&String, range: &Range| sk.starts_with(range.prefix.as_s().unwrap());
    assert_eq!(sort_keys.iter().filter(|sk| begins(sk, &all)).count(), 5);
    assert_eq!(sort_keys.iter().filter(|sk| begins(sk, &events)).count(), 1);
}

#[test]
fn ranges_of_the_reconcile_table_hold_their_items_and_no_others() {
    let within = |range: Range| {
        let (pk, prefix) = (range.pk.as_s().unwrap().clone(), range.prefix.as_s().unwrap().clone());
        let found = reconcile_keys().into_iter().filter(move |(_, [own, sk])| *own == pk && sk.starts_with(&prefix));
        found.map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(within(all_accepted()), [ReconcileKey::Accepted("ns#0000".to_owned())]);
    assert_eq!(within(due_look_ups()), [ReconcileKey::DueLookUps(3)]);
    let partition = |pk: AttributeValue| Range { pk, prefix: AttributeValue::S(String::new()) };
    assert!(matches!(within(partition(batches()))[..], [ReconcileKey::Batch(_)]));
    assert!(matches!(within(partition(people()))[..], [ReconcileKey::Person(_)]));
    assert!(matches!(within(partition(runs()))[..], [ReconcileKey::Run(_), ReconcileKey::RunsBegin]));
    assert!(matches!(within(run_file(NOW, Digest::of("form")))[..], [ReconcileKey::RunFile { .. }]));
    assert!(matches!(within(partition(imports()))[..], [ReconcileKey::Import(7)]));
    assert!(matches!(within(import_parts(Digest::of("form")))[..], [ReconcileKey::ImportPart { .. }]));
}

#[test]
fn body_and_file_have_keys_of_their_own() {
    let digest = Digest::of("body");
    let parse = |text: &str| match text.split('/').collect::<Vec<_>>()[..] {
        [digest] => Digest::from_hex(digest).map(BodyKey::Body),
        ["evidence", case, digest] => Some(BodyKey::File(CaseId::parse(case)?, Digest::from_hex(digest)?)),
        _ => None,
    };
    for (key, text) in [
        (BodyKey::Body(digest), digest.to_string()),
        (BodyKey::File(case(), digest), format!("evidence/{}/{digest}", case())),
    ] {
        let item = key.keys().into_item();
        assert_eq!(item, Item::from([("pk".to_owned(), AttributeValue::S(text.clone()))]), "and no sort key");
        assert_eq!(parse(&text), Some(key));
        assert_eq!(parse(&format!("{text}/")), None);
    }
}

/// Nothing takes these apart; that they can be shows that no two of them are one.
#[test]
fn keys_of_indexes_are_told_apart() {
    let parts = |text: &str, by: char| text.split(by).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(parts(&bucket(29_400_002, 1), '#'), ["29400002", "01"]);
    let shards: BTreeSet<String> = OPEN_SHARDS.iter().map(|digit| open_shard(*digit)).collect();
    assert_eq!((shards.len(), shards.contains(&open(&case())), open(&case()).as_str()), (16, true, "open#2"));
    let money = Money::new(9_900, 2, "EUR".parse().unwrap()).unwrap();
    let age = format!("{:020}", u64::MAX - NOW);
    assert_eq!(
        parts(&risk(Risk::MayHaveLeft, Some(&money), NOW), '#'),
        ["3", "EUR", &format!("{:026}", 9_900 * 10_u128.pow(u32::from(MAX_EXPONENT) - 2)), &age]
    );
    assert_eq!(parts(&risk(Risk::NothingMoved, None, NOW), '#'), ["1", "", &age]);
    let older = risk(Risk::NothingMoved, None, NOW - 1);
    assert!(older > risk(Risk::NothingMoved, None, NOW) && risk(Risk::PayeeWaits, None, NOW) > older);
    let cause = incident(Reason::PayoutUnknown, "http/x", NOW);
    assert_eq!((cause.as_str(), cause_of_incident(&cause)), ("20416/payout_unknown/http/x", "payout_unknown/http/x"));
    assert_eq!(open_incident(&cause, &case()), "2#20416/payout_unknown/http/x");
    let places: BTreeSet<String> = incident_shards(&cause).collect();
    assert_eq!(
        (places.len(), places.contains(&open_incident(&cause, &case())), places.contains(&cause)),
        (9, true, true)
    );
    assert_eq!((resolved_in(NOW).as_str(), APPROVAL), ("resolved#729", "approval"));
    assert_eq!(resolved_within(NOW, NOW + FOUR_WEEKS_MS).collect::<Vec<_>>(), ["resolved#730", "resolved#729"]);
    assert_eq!(resolved_within(NOW, 730 * FOUR_WEEKS_MS).collect::<Vec<_>>(), ["resolved#730", "resolved#729"]);
    assert_eq!(resolved_within(NOW, 730 * FOUR_WEEKS_MS - 1).collect::<Vec<_>>(), ["resolved#729"]);
}

#[test]
fn place_of_a_page_is_read_back_as_its_moment() {
    for at in [0, NOW, u64::MAX] {
        assert_eq!((moment(&place(at)), place(at).len()), (Some(at), 20));
    }
    assert_eq!(moment("3#EUR"), None);
}

#[test]
fn unfiled_case_has_a_key_that_names_case_moment_and_event() {
    let (alone, with) = (unfiled(&case(), NOW, None).unwrap(), unfiled(&case(), NOW, Some(&event())).unwrap());
    assert_eq!(alone.as_str(), format!("unfiled/{}/{NOW}", case()));
    assert_eq!(with.as_str(), format!("{alone}/{}", Digest::of(event().as_str())));
}
