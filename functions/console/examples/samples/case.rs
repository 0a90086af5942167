//! Samples of a case's page, each made of the first, and of the files that people attach.

use super::*;

pub fn all(base: &str) -> Vec<(&'static str, String)> {
    let f = |section, title: &str| frame(base, section, title);
    vec![
        ("case", case(f(Section::Queue, "Case")).render().unwrap()),
        ("case_awaiting", case_awaiting(f(Section::Queue, "Case")).render().unwrap()),
        ("case_found", case_found(f(Section::Queue, "Case")).render().unwrap()),
        ("case_unpaid", case_unpaid(f(Section::Queue, "Case")).render().unwrap()),
        ("case_conflict", case_conflict(f(Section::Queue, "Case")).render().unwrap()),
        ("case_own", case_own(f(Section::Queue, "Case")).render().unwrap()),
        ("case_resolved", case_resolved(f(Section::Queue, "Case")).render().unwrap()),
        ("case_hostile", case_hostile(f(Section::Queue, MARKUP)).render().unwrap()),
        (
            "evidence_text",
            evidence(f(Section::Queue, "Evidence"), Shown::Text(format!("</pre>{MARKUP}{TURNED}"))).render().unwrap(),
        ),
        ("evidence_picture", evidence(f(Section::Queue, "Evidence"), Shown::Picture).render().unwrap()),
        ("evidence_saved", evidence(f(Section::Queue, "Evidence"), Shown::OnlySaved).render().unwrap()),
        ("evidence_gone", evidence(f(Section::Queue, "Evidence"), Shown::NotKept).render().unwrap()),
    ]
}

pub fn case(frame: Frame) -> CasePage {
    CasePage {
        frame: Frame {
            banners: vec![Banner::new(BannerKind::Done, "The rail was asked: it does not have this payout.")],
            ..frame
        },
        id: "20b08ebd-f665-8c43-b6ef-eee1de011172".to_owned(),
        version: Stand { version: 6, at: NOW, finding: "3fa9c1d2aabb".to_owned() },
        about: CaseAbout {
            reason: Reason::PayoutUnknown,
            cause: None,
            status: Status::InReview,
            money: money(123_450, 2, "EUR"),
            payee: Some("acct_1QfT7xLkdIwHu7".to_owned()),
            key: Some("stripe/pi_3QzX7nLkdIwHu7ix1mBwYq2c".to_owned()),
            event: Some("evt_3QzX7nLkdIwHu7ix1kPqW0aB".to_owned()),
            provider: Some("stripe".to_owned()),
            rail: Some(Rail {
                name: "stripe, account 4f1c…90, test mode".to_owned(),
                key: "7c4a8d09-ca95-8c28-a3c2-1f0c1c2b9f55".to_owned(),
                generation: 1,
            }),
            attempt: Some(Attempted { number: 1, outcome: Some(Outcome::Unknown), rail_says: None }),
            incident: Some("20780/payout_unknown/answer_timed_out".to_owned()),
            since: NOW - 20 * HOUR,
            due: due(1),
            details: vec![("phase".to_owned(), "waiting for the answer".to_owned())],
        },
        owner: CaseOwner { name: Some("Ann Otterbach".to_owned()), is_mine: true },
        offer: Offer {
            reissue: Some(Reissue::SameKey),
            key_clock: Some(KeyClock {
                first_used_at: NOW - 20 * HOUR + 48 * MINUTE,
                counts_until: Some(NOW + 3 * HOUR + 12 * MINUTE),
                forgotten_at: Some(NOW + 5 * HOUR + 12 * MINUTE),
            }),
            looked_up: Some(LookedUpAt { at: NOW - 30 * SECOND, said: Said::Absent, why: None }),
        },
        standing: None,
        checks: checks(),
        deliveries: None,
        is_next: false,
        books: None,
        compared: vec![
            compared("Amount", "1\u{202f}234.50\u{a0}EUR", "1\u{202f}234.50\u{a0}EUR", None),
            compared("Payee", "acct_1QfT7xLkdIwHu7", "acct_1QfT7xLkdIwHu7", None),
            compared("Reference", "stripe/pi_3QzX7nLkdIwHu7ix1mBwYq2c", "stripe/pi_3QzX7nLkdIwHu7ix1mBwYq2c", None),
        ],
        timeline: vec![
            entry(
                20 * HOUR,
                "received, signature verified",
                "webhook",
                false,
                None,
                &[("request_id", "c1f0e9ab-2b0f-4a55-8f3e-0d9d2f6e1c11")],
            ),
            entry(
                20 * HOUR - SECOND,
                "claimed",
                "webhook",
                false,
                None,
                &[("attempt_id", "5d41402abc4b2a76b9719d911017c592")],
            ),
            entry(
                20 * HOUR - 12 * SECOND,
                "opened",
                "webhook",
                false,
                None,
                &[("phase", "waiting for the answer"), ("bytes_sent", "412"), ("first_byte_at", "1795445601000")],
            ),
            entry(19 * HOUR, "look_up", "sweeper", false, None, &[("looked_up", "absent"), ("looked_up_sha256", SHA)]),
            entry(3 * HOUR, "assign", "Ben Čapek", true, None, &[("to", "Ann Otterbach")]),
            entry(
                2 * HOUR,
                "attach",
                "Ann Otterbach",
                true,
                Some("The rail's status page names an outage from 14:40 to 15:10 UTC."),
                &[
                    ("title", "Status page"),
                    ("link", "https://status.example.com/incidents/2026-11-23"),
                    ("sha256", SHA),
                ],
            ),
            entry(
                30 * SECOND,
                "look_up",
                "Ann Otterbach",
                true,
                None,
                &[("looked_up", "absent"), ("looked_up_sha256", SHA)],
            ),
        ],
        evidence: vec![
            attached(Some("statement.pdf"), "Bank statement of 23 November"),
            Attached {
                link: Some("https://status.example.com/incidents/2026-11-23".to_owned()),
                ..attached(None, "Status page")
            },
        ],
        choices: Choices {
            acts: vec![Act::Assign, Act::Comment, Act::Attach, Act::LookUp, Act::Propose],
            endings: vec![
                Ending::Reissue,
                Ending::ConfirmedAccepted,
                Ending::PaidElsewhere,
                Ending::NotPaid,
                Ending::WrittenOff,
                Ending::DuplicateOf,
            ],
            people: people(),
        },
        proposed: None,
        decided: None,
        body: Body::Shown {
            text: [
                "{",
                "  \"id\": \"evt_3QzX7nLkdIwHu7ix1kPqW0aB\",",
                "  \"type\": \"payment_intent.succeeded\",",
                "  \"data\": {",
                "    \"object\": {",
                "      \"amount\": 123450,",
                "      \"currency\": \"eur\",",
                "      \"description\": \"</pre><script>alert(1)</script>\"",
                "    }",
                "  }",
                "}",
            ]
            .join("\n"),
            sha256: SHA.to_owned(),
            kept_until: Some(NOW + 70 * DAY),
        },
        related: vec![CaseLink {
            id: "a0000000-f665-8c43-b6ef-eee1de011172".to_owned(),
            reason: Reason::SecondEventForKey,
            status: Status::Open,
            since: NOW - 19 * HOUR,
        }],
        next: Some("b0000000-f665-8c43-b6ef-eee1de011172".to_owned()),
    }
}

fn checks() -> Vec<Check> {
    let check = |what: &str, label, tone, icon, says: &str| Check {
        what: what.to_owned(),
        label,
        tone,
        icon,
        says: says.to_owned(),
    };
    vec![
        check(
            "Refund or dispute at stripe",
            "not checked",
            "bad",
            Icon::Error,
            "payonce cannot ask stripe: its configuration has no [sources.stripe]. Look at the payment in stripe's dashboard \
             yourself before you approve.",
        ),
        check("The rail's books", "not there", "good", Icon::Done, "Asked 10:48 UTC by Ann Otterbach."),
    ]
}

pub fn entry(ago: u64, kind: &str, by: &str, is_person: bool, note: Option<&str>, facts: &[(&str, &str)]) -> Entry {
    Entry {
        at: NOW - ago,
        kind: kind.to_owned(),
        by: by.to_owned(),
        is_person,
        note: note.map(str::to_owned),
        facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn compared(field: &str, expected: &str, claimed: &str, found: Option<&str>) -> Compared {
    let [expected, claimed] = [expected, claimed].map(|text| Some(text).filter(|text| !text.is_empty()));
    let [left, middle, right] = [expected, claimed, found].map(|text| text.map(str::to_owned));
    let mark = mark(expected, claimed, found, if found.is_some() { Look::Found } else { Look::NotThere });
    Compared { field: field.to_owned(), expected: left, claimed: middle, found: right, mark }
}

fn attached(file: Option<&str>, title: &str) -> Attached {
    Attached {
        title: Some(title.to_owned()),
        file: file.map(str::to_owned),
        bytes: file.map(|_| 48_211),
        sha256: file.map(|_| SHA.to_owned()),
        link: None,
        kept_at: None,
        by: "Ann Otterbach".to_owned(),
        at: NOW - 2 * HOUR,
    }
}

fn proposed(is_own: bool) -> Proposed {
    Proposed {
        ending: Ending::Reissue,
        code: "refusal_understood".to_owned(),
        note: "Looked up twice, the payee has not seen the money. The outage is over, and the rail key still counts."
            .to_owned(),
        by: if is_own { "Ann Otterbach".to_owned() } else { "Ben Čapek".to_owned() },
        at: NOW - 25 * MINUTE,
        is_own,
        generation: Some(1),
        duplicate_of: None,
        batch: None,
    }
}

pub fn case_awaiting(frame: Frame) -> CasePage {
    let mut page = case(frame);
    page.frame.banners.clear();
    page.about.status = Status::AwaitingApproval;
    page.choices.acts = vec![Act::Assign, Act::Comment, Act::Attach, Act::LookUp, Act::Approve, Act::SendBack];
    page.proposed = Some(proposed(false));
    page.owner.name = Some("Ben Čapek".to_owned());
    page.owner.is_mine = false;
    page
}

/// Proposed to be paid again, and then found in the rail's books.
pub fn case_found(frame: Frame) -> CasePage {
    let mut page = case_awaiting(frame);
    page.offer.looked_up = Some(LookedUpAt { at: NOW - 5 * MINUTE, said: Said::Found, why: None });
    page.offer.reissue = Some(Reissue::NotOffered(Why::FoundAtTheRail));
    page.standing = Some(Standing {
        label: "At the rail, to be explained",
        tone: "odd",
        icon: Icon::Accepted,
        headline: "The rail has it: tr_1QfT8aLkdIwHu7, 1\u{202f}243.50\u{a0}EUR to acct_1QfT7xLkdIwHu7, 10:04 UTC."
            .to_owned(),
        goes_on: None,
    });
    page.compared = vec![
        compared("Amount", "1\u{202f}234.50\u{a0}EUR", "1\u{202f}234.50\u{a0}EUR", Some("1\u{202f}243.50\u{a0}EUR")),
        compared("Payee", "acct_1QfT7xLkdIwHu7", "acct_1QfT7xLkdIwHu7", Some("acct_1QfT7xLkdIwHu7")),
    ];
    page.compared[0].mark = Mark::Differs(Some("9.00\u{a0}EUR".to_owned()));
    page
}

/// Two people tried again, and the rail refused again.
pub fn case_unpaid(frame: Frame) -> CasePage {
    let mut page = case_resolved(frame);
    page.standing = Some(Standing {
        label: "The payee is not paid",
        tone: "bad",
        icon: Icon::Refused,
        headline: "The payee is not paid: the rail refused attempt 2.".to_owned(),
        goes_on: page.related.first().cloned(),
    });
    page.offer.looked_up = None;
    page.compared.clear();
    if let Some(decided) = &mut page.decided {
        decided.ending = Ending::Reissue;
        decided.code = "refusal_understood".to_owned();
        decided.note = "The payee's account was unlocked.".to_owned();
        decided.further = Some(Further { key: long_key(), number: 2, ended: Some(Outcome::Rejected) });
    }
    page
}

/// Two deliveries of one event.
pub fn case_conflict(frame: Frame) -> CasePage {
    let mut page = case(frame);
    page.about.reason = Reason::ConflictingDuplicate;
    (page.offer.reissue, page.offer.key_clock, page.offer.looked_up, page.compared) = (None, None, None, vec![]);
    page.is_next = true;
    let line = |field, first: &str, this: &str, by: &str| (field, first.to_owned(), this.to_owned(), by.to_owned());
    page.deliveries = Some(Deliveries {
        lines: vec![
            line("Amount", "1\u{202f}177.50\u{a0}EUR", "1\u{202f}234.50\u{a0}EUR", "differs by 57.00\u{a0}EUR"),
            line("Payee", "acct_1QfT7xLkdIwHu7", "acct_1QfT7xLkdIwHu7", ""),
        ],
    });
    page
}

pub fn case_own(frame: Frame) -> CasePage {
    let mut page = case_awaiting(frame);
    page.proposed = Some(proposed(true));
    page.offer.reissue = Some(Reissue::LookUpFirst { times: 2 });
    page.about.due = due(-2);
    page.body = Body::NotAllowed { sha256: SHA.to_owned() };
    page
}

fn case_resolved(frame: Frame) -> CasePage {
    let mut page = case(frame);
    page.frame.banners.clear();
    page.frame.is_sandbox = false;
    page.about.status = Status::Resolved;
    page.choices.acts = vec![Act::Comment, Act::Attach, Act::Reopen];
    page.about.due = None;
    page.decided = Some(ResolvedBy {
        ending: Ending::ConfirmedAccepted,
        code: "rail_books".to_owned(),
        note: "The rail's list of 23 November holds it.".to_owned(),
        proposed_by: "Ben Čapek".to_owned(),
        approved_by: "Ann Otterbach".to_owned(),
        at: NOW - HOUR,
        further: None,
        duplicate_of: None,
    });
    page.offer.looked_up = Some(LookedUpAt { at: NOW - 2 * HOUR, said: Said::Found, why: None });
    let sum = "1\u{202f}234.50\u{a0}EUR";
    page.compared = vec![compared("Amount", sum, sum, Some(sum))];
    page.body = Body::NotKept { sha256: SHA.to_owned() };
    page
}

/// Whatever is not ours is hostile here.
pub fn case_hostile(frame: Frame) -> CasePage {
    let mut page = case(Frame { person: Some(MARKUP.to_owned()), search: QUOTES.to_owned(), ..frame });
    page.frame.banners = vec![
        Banner::new(BannerKind::Error, MARKUP),
        Banner::new(BannerKind::Warn, QUOTES),
        Banner::new(BannerKind::Info, TURNED),
    ];
    page.about.reason = Reason::SecondEventForKey;
    page.about.status = Status::AwaitingApproval;
    page.about.payee = Some(MARKUP.to_owned());
    page.about.key = Some(format!("{}{QUOTES}", long_key()));
    page.about.event = Some(format!("{MARKUP}{TURNED}"));
    page.about.provider = Some(QUOTES.to_owned());
    page.about.cause = Some(MARKUP.to_owned());
    page.about.incident = Some(format!("20780/payout_unknown/{MARKUP}"));
    page.owner.name = Some(MARKUP.to_owned());
    page.owner.is_mine = false;
    page.offer.reissue = None;
    page.offer.key_clock = None;
    page.id = QUOTES.to_owned();
    page.about.rail = Some(Rail { name: MARKUP.to_owned(), key: QUOTES.to_owned(), generation: 2 });
    page.about.attempt =
        Some(Attempted { number: 1, outcome: Some(Outcome::Rejected), rail_says: Some(format!("{MARKUP}{TURNED}")) });
    page.about.details = vec![
        (MARKUP.to_owned(), QUOTES.to_owned()),
        ("link".to_owned(), "javascript:alert(1)".to_owned()),
        ("link".to_owned(), format!("https://example.com/{QUOTES}")),
        ("long".to_owned(), "x".repeat(400)),
    ];
    page.compared = vec![compared(MARKUP, QUOTES, &long_key(), Some(TURNED))];
    page.timeline =
        vec![entry(HOUR, MARKUP, QUOTES, true, Some(MARKUP), &[(QUOTES, MARKUP), ("looked_up_at", MARKUP)])];
    page.evidence = vec![
        attached(Some(MARKUP), TURNED),
        Attached { kept_at: Some(MARKUP.to_owned()), title: None, ..attached(Some(&long_key()), "") },
    ];
    page.choices.acts = Act::ALL.to_vec();
    page.choices.endings = Ending::ALL.to_vec();
    page.proposed = Some(Proposed {
        code: MARKUP.to_owned(),
        note: format!("{MARKUP}\n{}", "y".repeat(400)),
        by: QUOTES.to_owned(),
        duplicate_of: Some(MARKUP.to_owned()),
        ..proposed(false)
    });
    page.body =
        Body::Shown { text: format!("</pre>{MARKUP}{QUOTES}{TURNED}"), sha256: MARKUP.to_owned(), kept_until: None };
    page.next = Some(QUOTES.to_owned());
    page
}

pub fn evidence(frame: Frame, shown: Shown) -> EvidencePage {
    let kept_until = Some(NOW + 300 * DAY).filter(|_| shown != Shown::NotKept);
    let case = "20b08ebd-f665-8c43-b6ef-eee1de011172".to_owned();
    EvidencePage { frame, case, attached: attached(Some(&format!("{MARKUP}.txt")), MARKUP), shown, kept_until }
}
