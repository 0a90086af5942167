//! Samples of what stands between a person and a page: forms that come back, messages, the sign-in, who stands in for whom.

use super::*;

pub fn all(base: &str) -> Vec<(&'static str, String)> {
    let f = |section, title: &str| frame(base, section, title);
    vec![
        ("absence", absence(f(Section::Absence, "Absence")).render().unwrap()),
        ("message_409", message(f(Section::Other, "Somebody was faster")).render().unwrap()),
        ("message_404", message_404(f(Section::Other, "Not found")).render().unwrap()),
        ("message_503", message_503(f(Section::Other, "The tables do not answer")).render().unwrap()),
        ("again_propose", again(f(Section::Queue, "The case has changed"), Act::Propose).render().unwrap()),
        ("again_attach", again(f(Section::Queue, "The case has changed"), Act::Attach).render().unwrap()),
        ("again_assign", again(f(Section::Queue, "The case has changed"), Act::Assign).render().unwrap()),
        ("again_comment", again(f(Section::Queue, "The case has changed"), Act::Comment).render().unwrap()),
        ("held", not_sent_yet(f(Section::Other, "Not sent yet")).render().unwrap()),
        ("held_signed_out", not_sent_yet(signed_out(base).frame).render().unwrap()),
        ("no_role", no_role(f(Section::Other, "No role here"), NoRole::Linked).render().unwrap()),
        ("signed_out", signed_out(base).render().unwrap()),
    ]
}

pub fn again(frame: Frame, act: Act) -> AgainPage {
    let text = |text: &str| text.to_owned();
    AgainPage {
        frame,
        status: 409,
        heading: text("The case has changed"),
        text: text("It is not as you saw it when you opened it, so this was not done."),
        id: text("20b08ebd-f665-8c43-b6ef-eee1de011172"),
        money: money(123_450, 2, "EUR"),
        payee: Some(text("acct_1QfT7xLkdIwHu7")),
        reason: Reason::PayoutUnknown,
        state: Status::InReview,
        meanwhile: vec![
            entry(3 * MINUTE, "evidence", "sweeper", false, None, &[("looked_up", "found")]),
            entry(40 * SECOND, "assign", "Ben Čapek", true, None, &[("to", "Ben Čapek")]),
        ],
        form: Some(AgainForm {
            act,
            is_other: act == Act::Comment,
            stand: Stand::from(7),
            note: format!("The bank's list of today shows it. {MARKUP}"),
            ending: Some(Ending::PaidElsewhere),
            endings: vec![Ending::Reissue, Ending::PaidElsewhere, Ending::NotPaid],
            code: text("bank_statement"),
            duplicate_of: String::new(),
            to: text("google|12"),
            people: people(),
            title: text(QUOTES),
            link: text("https://example.com/"),
            sha256: String::new(),
            kept_at: text(MARKUP),
            file: (act != Act::Comment).then(|| HeldFile { name: text(QUOTES), bytes: 3, base64: text("AP8r") }),
        }),
        written: Some(text(MARKUP)),
    }
}

pub fn not_sent_yet(frame: Frame) -> HeldPage {
    let fields = [("note", MARKUP), ("version", "7.1764000123456.3fa9c1d2aabb"), ("ending", "not_paid")];
    HeldPage {
        frame,
        heading: "You are signed out".to_owned(),
        text: "Your session has ended, so nothing was done yet. What you wrote is in this page: sign in in a new tab, come \
               back to this one, and send it."
            .to_owned(),
        action: "/console/cases/20b08ebd-f665-8c43-b6ef-eee1de011172/propose".to_owned(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        file: Some(HeldFile { name: QUOTES.to_owned(), bytes: 48_211, base64: "AP8r".to_owned() }),
    }
}

pub fn message(frame: Frame) -> MessagePage {
    MessagePage {
        frame,
        status: 409,
        heading: "Somebody was faster".to_owned(),
        text: "The case has changed since you opened it. Nothing of yours was written.".to_owned(),
        meanwhile: vec![entry(40 * SECOND, "propose", "Ben Čapek", true, Some("The rail's list holds it."), &[])],
        lost_note: Some(MARKUP.to_owned()),
        back: Some(("./cases/20b08ebd".to_owned(), "Open the case as it is now".to_owned())),
        request_id: Some("c1f0e9ab-2b0f-4a55-8f3e-0d9d2f6e1c11".to_owned()),
    }
}

fn message_404(frame: Frame) -> MessagePage {
    MessagePage {
        status: 404,
        heading: "Not found".to_owned(),
        text: "There is nothing at this address.".to_owned(),
        meanwhile: vec![],
        lost_note: None,
        back: None,
        request_id: None,
        ..message(frame)
    }
}

fn message_503(frame: Frame) -> MessagePage {
    MessagePage {
        status: 503,
        heading: "The tables do not answer".to_owned(),
        text: "Nothing may have been changed; look at the case again.".to_owned(),
        ..message_404(frame)
    }
}

pub fn no_role(frame: Frame, found: NoRole) -> NoRolePage {
    let frame = Frame { person: Some(MARKUP.to_owned()), roles: vec![], ..frame };
    NoRolePage { frame, name: MARKUP.to_owned(), claim: "/https:~1~1pay.example~1roles".to_owned(), found }
}

pub fn signed_out(base: &str) -> SignedOutPage {
    SignedOutPage {
        frame: Frame { person: None, roles: vec![], csrf: String::new(), ..frame(base, Section::Other, "Sign in") },
        is_goodbye: false,
    }
}

pub fn absence(frame: Frame) -> AbsencePage {
    let one = |who: &str, to: &str, is_mine| Delegation {
        who: who.to_owned(),
        to: to.to_owned(),
        until: NOW + 6 * DAY,
        is_mine,
    };
    AbsencePage {
        frame,
        people: people().into_iter().filter(|person| !person.is_me).collect(),
        delegations: vec![one("Ann Otterbach", "Chidi Okonkwo-Lindqvist", true), one("Ben Čapek", MARKUP, false)],
    }
}
