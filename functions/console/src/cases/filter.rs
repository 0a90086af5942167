//! What of the open cases a person wants to see. The address holds it whole, so that it can be sent to a colleague; what
//! cannot be read is left out and said, never guessed.

use payonce_ledger::{AGES_MS, Cursor, FiledCase, Queue, Who};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Status;
use payonce_protocol::hold::HELD;
use payonce_protocol::money::Currency;
use payonce_protocol::outcome::{Outcome, Reason};

use crate::ask::Fields;
use crate::cases::amount::Amount;
use crate::pages::{QueueFilter, QueueOwner, QueueView, words};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Age,
    Risk,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum OwnedBy {
    #[default]
    Anybody,
    Nobody,
    /// An issuer's subject.
    One(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Whose address this is: some views are about the reader.
    pub me: String,
    pub view: QueueView,
    pub sort: Sort,
    pub owner: OwnedBy,
    pub incident: Option<String>,
    pub status: Option<Status>,
    pub reason: Option<Reason>,
    /// `Some(None)`: cases that are about no attempt.
    pub certainty: Option<Option<Outcome>>,
    pub provider: Option<String>,
    /// What a payee begins with, in letters of either case.
    pub payee: Option<String>,
    pub currency: Option<Currency>,
    /// In units of the currency, both ends included.
    pub from: Option<Amount>,
    pub to: Option<Amount>,
    /// 0 to 3: younger than a day, three, a week, older.
    pub age: Option<usize>,
    pub after: Option<Cursor>,
}

impl Filter {
    /// With the names of the fields that could not be read.
    pub fn read(query: &Fields, me: &str) -> (Self, Vec<&'static str>) {
        let mut wrong = vec![];
        let field = |name: &'static str| query.get(name).map(|text| (name, text));
        let sort = if query.get("sort") == Some("risk") { Sort::Risk } else { Sort::Age };
        let owner = match query.get("owner") {
            None => OwnedBy::Anybody,
            Some("nobody") => OwnedBy::Nobody,
            Some("me") => OwnedBy::One(me.to_owned()),
            Some(subject) => OwnedBy::One(subject.to_owned()),
        };
        let after = match (query.get("after"), query.get("id")) {
            (Some(place), Some(id)) => Some(Cursor { place: place.to_owned(), id: id.to_owned() }),
            _ => None,
        };
        let parse_certainty = |text: &str| match text {
            words::NO_ATTEMPT => Some(None),
            text => Outcome::parse(text).map(Some),
        };
        let filter = Self {
            me: me.to_owned(),
            view: read(field("view"), QueueView::parse, &mut wrong).unwrap_or_default(),
            sort,
            owner,
            incident: query.get("incident").map(str::to_owned),
            status: read(field("status"), Status::parse, &mut wrong),
            reason: read(field("reason"), Reason::parse, &mut wrong),
            certainty: read(field("certainty"), parse_certainty, &mut wrong),
            provider: query.get("provider").map(str::to_owned),
            payee: query.get("payee").map(str::to_owned),
            currency: read(field("currency"), |text| text.parse().ok(), &mut wrong),
            from: read(field("from"), |text| Amount::read(text, query.divides), &mut wrong),
            to: read(field("to"), |text| Amount::read(text, query.divides), &mut wrong),
            age: read(field("age"), |text| text.parse().ok().filter(|age| *age <= AGES_MS.len()), &mut wrong),
            after,
        };
        (filter, wrong)
    }

    /// The index that gives the fewest rows.
    pub fn queue(&self) -> Queue<'_> {
        match (self.view, &self.owner, &self.incident) {
            (QueueView::ToApprove, ..) => Queue::Awaiting,
            (QueueView::Mine, ..) => Queue::Owner(&self.me),
            (_, OwnedBy::One(subject), _) => Queue::Owner(subject),
            (_, _, Some(incident)) => Queue::Incident(incident),
            _ if self.sort == Sort::Risk => Queue::Risk,
            _ => Queue::Age,
        }
    }

    /// Whether it may want few of what the index gives.
    pub fn is_narrow(&self) -> bool {
        let queue = self.queue();
        let has_own_index = matches!(self.view, QueueView::ToApprove | QueueView::Mine);
        let by_index = Self {
            me: self.me.clone(),
            view: if has_own_index { self.view } else { QueueView::All },
            sort: self.sort,
            owner: match (&self.owner, queue) {
                (OwnedBy::One(subject), Queue::Owner(_)) if !has_own_index => OwnedBy::One(subject.clone()),
                _ => OwnedBy::Anybody,
            },
            incident: if matches!(queue, Queue::Incident(_)) { self.incident.clone() } else { None },
            after: self.after.clone(),
            ..Self::default()
        };
        *self != by_index
    }

    pub fn keeps(&self, filed: &FiledCase, now: UnixMillis) -> bool {
        let case = &filed.case;
        let owner = filed.owner.as_ref().map(|owner| owner.subject.as_str());
        let is_owners = match &self.owner {
            OwnedBy::Anybody => true,
            OwnedBy::Nobody => owner.is_none(),
            OwnedBy::One(subject) => owner == Some(subject),
        };
        is_owners
            && self.is_in_view(filed)
            && self.incident.as_ref().is_none_or(|incident| case.incident.as_ref() == Some(incident))
            && self.status.is_none_or(|status| filed.status == status)
            && self.reason.is_none_or(|reason| case.reason == reason)
            && self.certainty.is_none_or(|wanted| case.reason.rules().certainty == wanted)
            && self.provider.as_ref().is_none_or(|provider| case.provider.as_ref() == Some(provider))
            && self.payee.as_ref().is_none_or(|payee| is_payee(filed, payee))
            && self.currency.is_none_or(|currency| case.money.is_some_and(|money| money.currency() == currency))
            && self.age.is_none_or(|age| bucket(case.since, now) == age)
            && self.is_in_range(filed)
    }

    fn is_in_view(&self, filed: &FiledCase) -> bool {
        let is_me = |who: Option<&Who>| who.is_some_and(|who| who.subject == self.me);
        match self.view {
            QueueView::All => true,
            QueueView::Mine => is_me(filed.owner.as_ref()),
            // A line of a batch is decided with its batch.
            QueueView::ToApprove => filed.proposal.as_ref().is_some_and(|made| {
                filed.status == Status::AwaitingApproval && made.batch.is_none() && !is_me(Some(&made.by))
            }),
            QueueView::SentBack => is_me(filed.sent_back.as_ref()),
            QueueView::Held => filed.case.incident.as_ref().is_some_and(|name| name.ends_with(&format!("/{HELD}"))),
        }
    }

    fn is_in_range(&self, filed: &FiledCase) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        let Some(money) = &filed.case.money else { return false };
        let (minor, exponent) = (money.minor(), money.exponent());
        self.from.is_none_or(|from| from.cmp_minor(minor, exponent).is_le())
            && self.to.is_none_or(|to| to.cmp_minor(minor, exponent).is_ge())
    }

    /// As the page shows it, and writes it into addresses.
    pub fn shown(&self) -> QueueFilter {
        QueueFilter {
            view: self.view,
            by_risk: self.sort == Sort::Risk,
            owner: match &self.owner {
                OwnedBy::Anybody => QueueOwner::Anybody,
                OwnedBy::Nobody => QueueOwner::Nobody,
                OwnedBy::One(subject) => QueueOwner::One(subject.clone()),
            },
            incident: self.incident.clone(),
            status: self.status,
            reason: self.reason,
            certainty: self.certainty,
            provider: self.provider.clone(),
            payee: self.payee.clone(),
            currency: self.currency.map(|currency| currency.to_string()),
            from: self.from,
            to: self.to,
            age: self.age,
        }
    }
}

/// Whether the case's payee begins so; a payee's id is ASCII, and people do not mind its capitals.
pub(crate) fn is_payee(filed: &FiledCase, begins: &str) -> bool {
    let payee = filed.case.destination.as_ref().map(|payee| payee.as_str());
    payee.and_then(|payee| payee.get(..begins.len())).is_some_and(|head| head.eq_ignore_ascii_case(begins))
}

fn bucket(since: UnixMillis, now: UnixMillis) -> usize {
    let age = now.saturating_sub(since);
    AGES_MS.iter().position(|end| age < *end).unwrap_or(AGES_MS.len())
}

fn read<T>(
    field: Option<(&'static str, &str)>,
    parse: impl FnOnce(&str) -> Option<T>,
    wrong: &mut Vec<&'static str>,
) -> Option<T> {
    let (name, text) = field?;
    let read = parse(text);
    if read.is_none() {
        wrong.push(name);
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> (Filter, Vec<&'static str>) {
        Filter::read(&Fields::parse(query.as_bytes()), "ann")
    }

    #[test]
    fn filter_survives_its_address() {
        for query in [
            "",
            "sort=risk",
            "owner=nobody&status=in_review",
            "owner=google%7C12&incident=20416%2Fpayout_unknown%2Ftimeout",
            "reason=payout_unknown&certainty=unknown&provider=stripe&currency=EUR&from=10&to=500.00&age=3",
            "view=to-approve&payee=acct_1",
            "view=sent-back&sort=risk&status=in_review",
            "certainty=none&after=00000000001764000123456&id=20b08ebd-f665-8c43-b6ef-eee1de011172",
        ] {
            let (filter, wrong) = read(query);
            assert_eq!(wrong, Vec::<&str>::new(), "{query}");
            let after = filter.after.as_ref().map(|cursor| (cursor.place.clone(), cursor.id.clone()));
            let written = filter.shown().query(after.as_ref());
            assert_eq!(written.trim_start_matches('?'), query);
            assert_eq!(read(written.trim_start_matches('?')).0, filter);
        }
        // For a colleague "me" is somebody else.
        assert_eq!(read("owner=me").0.shown().query(None), "?owner=ann");
    }

    #[test]
    fn unreadable_field_is_named_and_left_out() {
        let (filter, wrong) = read("view=x&status=gone&reason=x&certainty=maybe&currency=EURO&from=-1&to=1.234&age=9");
        assert_eq!(wrong, ["view", "status", "reason", "certainty", "currency", "from", "to", "age"]);
        assert_eq!(filter, Filter { me: "ann".to_owned(), ..Filter::default() });
    }

    #[test]
    fn sum_is_kept_as_it_was_written_with_a_comma() {
        let mut query = Fields::parse(b"from=50%2C00&to=1.234");
        query.divides = crate::cases::amount::Divides::Comma;
        let (filter, wrong) = Filter::read(&query, "ann");
        assert_eq!((filter.from.map(|from| from.to_string()).as_deref(), filter.to), (Some("50.00"), None));
        assert_eq!(wrong, ["to"], "a thousand, or a bit more than one");
        assert_eq!(filter.shown().query(None), "?from=50.00");
    }

    #[test]
    fn narrow_filters_are_those_that_an_index_answers() {
        for (query, is_narrow) in [
            ("", false),
            ("sort=risk", false),
            ("owner=me", false),
            ("incident=x", false),
            ("owner=nobody", true),
            ("owner=me&incident=x", true),
            ("status=open", true),
            ("age=0", true),
            ("view=mine", false),
            ("view=mine&owner=nobody", true),
            ("view=to-approve", false),
            ("view=to-approve&incident=x", true),
            ("view=sent-back", true),
            ("view=held", true),
            ("payee=acct", true),
        ] {
            assert_eq!(read(query).0.is_narrow(), is_narrow, "{query}");
        }
    }

    #[test]
    fn payee_is_found_by_its_beginning_whatever_its_capitals() {
        let mut filed = crate::cases::export::tests::filed(1, 1, 2, "EUR");
        filed.case.destination = payonce_protocol::order::Destination::new("acct_1Payee").ok();
        for (begins, is_found) in [
            ("acct_1Payee", true),
            ("ACCT_1p", true),
            ("a", true),
            ("cct", false),
            ("acct_1Payee2", false),
            ("ä", false),
        ] {
            assert_eq!(is_payee(&filed, begins), is_found, "{begins}");
        }
        filed.case.destination = None;
        assert!(!is_payee(&filed, "a"));
    }

    #[test]
    fn view_to_approve_leaves_out_ones_own_and_lines_of_a_batch() {
        use payonce_ledger::Proposal;
        use payonce_protocol::case::Ending;
        let mut filed = crate::cases::export::tests::filed(1, 1, 2, "EUR");
        let who = |name: &str| Who { subject: name.to_owned(), name: None };
        filed.status = Status::AwaitingApproval;
        filed.proposal = Some(Proposal {
            ending: Ending::WrittenOff,
            code: "other".to_owned(),
            note: "small".to_owned(),
            by: who("ben"),
            at: 1,
            version: 1,
            key_generation: None,
            duplicate_of: None,
            batch: None,
        });
        let view = read("view=to-approve").0;
        assert!(view.keeps(&filed, 1));
        let change = |change: fn(&mut Proposal)| {
            let mut filed = filed.clone();
            filed.proposal.iter_mut().for_each(change);
            view.keeps(&filed, 1)
        };
        assert!(!change(|made| made.by.subject = "ann".to_owned()));
        assert!(!change(|made| made.batch = Some("b".to_owned())));
        assert!(!read("view=sent-back").0.keeps(&filed, 1));
        filed.sent_back = Some(who("ann"));
        assert!(read("view=sent-back").0.keeps(&filed, 1));
        filed.case.incident = Some("20416/payout_not_sent/held".to_owned());
        assert!(read("view=held").0.keeps(&filed, 1) && !read("view=held&payee=b").0.keeps(&filed, 1));
    }
}
