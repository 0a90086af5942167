//! Rows of ours as the changes of an export: the attributes that the books read, by the names that shared/ledger's golden tests hold.

use payonce_books::export::{Change, Item, Metadata, Number};
use payonce_protocol::order::EventId;
use payonce_protocol::reconcile::rows::{Record, Row, Sum, Units};
use serde_json::json;

/// Its own list names payments.
pub const LISTS_PAYMENTS: &str = "square";
/// Has no list of its own.
pub const LISTS_NOTHING: &str = "custom";

fn text(item: &mut Item, name: &str, text: impl ToString) {
    item.insert(name.to_owned(), json!({ "S": text.to_string() }));
}

fn number(item: &mut Item, name: &str, number: u64) {
    item.insert(name.to_owned(), json!({ "N": number.to_string() }));
}

/// Counted as roughly as it can be, as a provider of another exponent would.
fn money(item: &mut Item, sum: Sum, units: &Units) {
    let (mut minor, mut exponent) = (sum.minor(), units.0[&sum.currency]);
    while exponent > 0 && minor.is_multiple_of(10) {
        (minor, exponent) = (minor / 10, exponent - 1);
    }
    number(item, "amount", minor);
    number(item, "exponent", exponent.into());
    text(item, "currency", sum.currency);
}

fn change(pk: &str, sk: &str, at: u64, item: Item) -> Change {
    let mut keys = Item::new();
    text(&mut keys, "pk", pk);
    text(&mut keys, "sk", sk);
    let mut image = item;
    image.extend(keys.clone());
    let metadata = Metadata { write_timestamp_micros: Number { digits: (at * 1000).to_string() } };
    Change { metadata, keys, new_image: Some(image), old_image: None }
}

/// Who sent the events of a key.
pub fn provider(row: &Row) -> &'static str {
    match row.key.as_str().split('/').next() {
        Some(LISTS_PAYMENTS) => LISTS_PAYMENTS,
        Some(LISTS_NOTHING) => LISTS_NOTHING,
        _ => "stripe",
    }
}

/// As the delivery named it. Of the provider that lists payments the books name the payment.
fn delivered(row: &Row, event: &EventId) -> String {
    if provider(row) == LISTS_PAYMENTS { format!("evt_of_{event}") } else { event.to_string() }
}

/// Key and name of the item that changed.
pub fn place(change: &Change) -> (&str, &str) {
    let text = |name: &str| change.keys[name]["S"].as_str().unwrap();
    (text("pk"), text("sk"))
}

/// Changes of the audit table.
pub fn audit(rows: &[&Row], units: &Units) -> Vec<Change> {
    let mut all: Vec<Change> = rows.iter().filter_map(|row| audited(row, units)).collect();
    for row in rows.iter().filter(|row| row.record == Record::Overwritten) {
        let (pk, sk) = (row.key.as_str(), row.id.as_str());
        let old = change(pk, sk, row.at, Item::new()).new_image;
        match all.iter_mut().find(|change| change.keys["pk"]["S"] == pk && change.keys["sk"]["S"] == sk) {
            Some(there) => there.old_image = old,
            // Of what was removed its keys alone are enough.
            None => {
                let old_image = old.filter(|_| row.at.is_multiple_of(2));
                all.push(Change { new_image: None, old_image, ..change(pk, sk, row.at, Item::new()) });
            }
        }
    }
    all
}

fn audited(row: &Row, units: &Units) -> Option<Change> {
    let mut item = Item::new();
    text(&mut item, "provider", provider(row));
    match &row.record {
        Record::Claim { event, sum, expires_at, .. } => {
            text(&mut item, "event", delivered(row, event));
            number(&mut item, "claimed_at", row.at);
            number(&mut item, "received_at", row.at - 1);
            number(&mut item, "expires_at", *expires_at);
            money(&mut item, *sum, units);
            row.payee.iter().for_each(|payee| text(&mut item, "destination", payee.as_str()));
        }
        Record::Outcome { outcome, .. } | Record::Late { outcome, .. } => {
            text(&mut item, "outcome", outcome);
            number(&mut item, "recorded_at", row.at);
        }
        Record::Closing { event, is_bar, sum } => {
            event.iter().for_each(|event| text(&mut item, "event", delivered(row, event)));
            match is_bar {
                true => number(&mut item, "barred_at", row.at),
                false => {
                    text(&mut item, "closing", "20b08ebd-f665-8c43-b6ef-eee1de011172");
                    number(&mut item, "closed_at", row.at);
                }
            }
            sum.iter().for_each(|sum| money(&mut item, *sum, units));
        }
        Record::Refused { event, sum, final_after } => {
            text(&mut item, "event", delivered(row, event));
            number(&mut item, "received_at", row.at);
            number(&mut item, "final_after", *final_after);
            money(&mut item, *sum, units);
        }
        _ => return None,
    }
    Some(change(row.key.as_str(), row.id.as_str(), row.at, item))
}

/// Changes of the reconcile table: its cases, and what is none.
pub fn cases(rows: &[&Row], units: &Units) -> Vec<Change> {
    let mut all = vec![change("sweeper", "accepted", 1, Item::new())];
    for row in rows {
        let Record::Case { reason, attempt, event, is_open, ending, subject, sum } = &row.record else { continue };
        let mut item = Item::new();
        text(&mut item, "provider", provider(row));
        match row.key.as_str().strip_prefix("!provider/stripe/") {
            // The event's case names no key.
            Some(of) if event.as_ref().is_some_and(|event| event.as_str() == of) => {}
            _ => text(&mut item, "key", &row.key),
        }
        text(&mut item, "reason", reason);
        text(&mut item, "status", if *is_open { "in_review" } else { "resolved" });
        number(&mut item, "opened_at", row.at);
        attempt.iter().for_each(|attempt| number(&mut item, "attempt", (*attempt).into()));
        event.iter().for_each(|event| text(&mut item, "event", delivered(row, event)));
        sum.iter().for_each(|sum| money(&mut item, *sum, units));
        let details = subject.as_ref().map_or(json!({}), |subject| json!({ "book_break": { "S": subject } }));
        item.insert("details".to_owned(), json!({ "M": details }));
        let hand = rows
            .iter()
            .find(|other| matches!(other.record, Record::ByHand { .. }) && other.id == row.id && other.key == row.key);
        let ending = ending.map_or("of_another_version", |ending| ending.as_str());
        if !is_open {
            let at = hand.map_or(row.at, |hand| hand.at);
            item.insert("proposal".to_owned(), json!({ "M": { "ending": { "S": ending } } }));
            item.insert("resolution".to_owned(), json!({ "M": { "at": { "S": at.to_string() } } }));
        }
        let change = change(row.id.as_str(), "case", row.at, item);
        // A case is put anew at each act.
        all.push(Change { old_image: change.new_image.clone(), ..change });
        all.push(self::change(row.id.as_str(), "history#000001", row.at, Item::new()));
    }
    all
}
