//! What of the open cases a person wants to see. The address holds it whole, so that it can be sent to a colleague; what
//! cannot be read is left out and said, never guessed.

use payonce_ledger::{AGES_MS, Cursor, FiledCase, Queue, Who};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Status;
use payonce_protocol::hold::HELD;
use payonce_protocol::outcome::{Outcome, Reason};

use crate::ask::Fields;
use crate::cases::amount::Amount;
use crate::pages::{QueueFilter, QueueOwner, QueueView, words};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Whose address this is: some views are about the reader.
    pub me: String,
    /// As the page shows it, and writes it into addresses.
    pub asked: QueueFilter,
    pub after: Option<Cursor>,
}

impl Filter {
    /// With the names of the fields that could not be read.
    pub fn read(query: &Fields, me: &str) -> (Self, Vec<&'static str>) {
        let mut wrong = vec![];
        let field = |name: &'static str| query.get(name).map(|text| (name, text));
        let owner = match query.get("owner") {
            None => QueueOwner::Anybody,
            Some("nobody") => QueueOwner::Nobody,
            Some("me") => QueueOwner::One(me.to_owned()),
            Some(subject) => QueueOwner::One(subject.to_owned()),
        };
        let after = match (query.get("after"), query.get("id")) {
            (Some(place), Some(id)) => Some(Cursor { place: place.to_owned(), id: id.to_owned() }),
            _ => None,
        };
        let parse_certainty = |text: &str| match text {
            words::NO_ATTEMPT => Some(None),
            text => Outcome::parse(text).map(Some),
        };
        let asked = QueueFilter {
            view: read(field("view"), QueueView::parse, &mut wrong).unwrap_or_default(),
            by_risk: query.get("sort") == Some("risk"),
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
        };
        (Self { me: me.to_owned(), asked, after }, wrong)
    }

    /// The index that gives the fewest rows.
    pub fn queue(&self) -> Queue<'_> {
        let QueueFilter { view, by_risk, owner, incident, .. } = &self.asked;
        match (view, owner, incident) {
            (QueueView::ToApprove, ..) => Queue::Awaiting,
            (QueueView::Mine, ..) => Queue::Owner(&self.me),
            (_, QueueOwner::One(subject), _) => Queue::Owner(subject),
            (_, _, Some(incident)) => Queue::Incident(incident),
            _ if *by_risk => Queue::Risk,
            _ => Queue::Age,
        }
    }

    /// Whether it may want few of what the index gives.
    pub fn is_narrow(&self) -> bool {
        let queue = self.queue();
        let asked = &self.asked;
        let has_own_index = matches!(asked.view, QueueView::ToApprove | QueueView::Mine);
        let by_index = QueueFilter {
            view: if has_own_index { asked.view } else { QueueView::All },
            by_risk: asked.by_risk,
            owner: match (&asked.owner, queue) {
                (QueueOwner::One(subject), Queue::Owner(_)) if !has_own_index => QueueOwner::One(subject.clone()),
                _ => QueueOwner::Anybody,
            },
            incident: if matches!(queue, Queue::Incident(_)) { asked.incident.clone() } else { None },
            ..QueueFilter::default()
        };
        *asked != by_index
    }

    pub fn keeps(&self, filed: &FiledCase, now: UnixMillis) -> bool {
        let (case, asked) = (&filed.case, &self.asked);
        let owner = filed.owner.as_ref().map(|owner| owner.subject.as_str());
        let is_owners = match &asked.owner {
            QueueOwner::Anybody => true,
            QueueOwner::Nobody => owner.is_none(),
            QueueOwner::One(subject) => owner == Some(subject),
        };
        is_owners
            && self.is_in_view(filed)
            && asked.incident.as_ref().is_none_or(|incident| case.incident.as_ref() == Some(incident))
            && asked.status.is_none_or(|status| filed.status == status)
            && asked.reason.is_none_or(|reason| case.reason == reason)
            && asked.certainty.is_none_or(|wanted| case.reason.rules().certainty == wanted)
            && asked.provider.as_ref().is_none_or(|provider| case.provider.as_ref() == Some(provider))
            && asked.payee.as_ref().is_none_or(|payee| is_payee(filed, payee))
            && asked.currency.is_none_or(|currency| case.money.is_some_and(|money| money.currency() == currency))
            && asked.age.is_none_or(|age| bucket(case.since, now) == age)
            && self.is_in_range(filed)
    }

    fn is_in_view(&self, filed: &FiledCase) -> bool {
        let is_me = |who: Option<&Who>| who.is_some_and(|who| who.subject == self.me);
        match self.asked.view {
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
        let QueueFilter { from, to, .. } = self.asked;
        if from.is_none() && to.is_none() {
            return true;
        }
        let Some(money) = &filed.case.money else { return false };
        let (minor, exponent) = (money.minor(), money.exponent());
        from.is_none_or(|from| from.cmp_minor(minor, exponent).is_le())
            && to.is_none_or(|to| to.cmp_minor(minor, exponent).is_ge())
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
            let written = filter.asked.query(after.as_ref());
            assert_eq!(written.trim_start_matches('?'), query);
            assert_eq!(read(written.trim_start_matches('?')).0, filter);
        }
        // For a colleague "me" is somebody else.
        assert_eq!(read("owner=me").0.asked.query(None), "?owner=ann");
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
        assert_eq!((filter.asked.from.map(|from| from.to_string()).as_deref(), filter.asked.to), (Some("50.00"), None));
        assert_eq!(wrong, ["to"], "a thousand, or a bit more than one");
        assert_eq!(filter.asked.query(None), "?from=50.00");
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
