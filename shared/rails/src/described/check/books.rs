//! `[rail.http.books]`: how the rail is asked what it has paid, and how it answers.

use std::collections::BTreeMap;

use http::HeaderName;
use payonce_wire::TimeForm;

use super::Found;
use crate::amount::Units;
use crate::books::{Books, More, Next, NextBy, Page, Returned, Search, Term};
use crate::described::config::{BooksConfig, HttpConfig, ListConfig};
use crate::described::template::{Text, placeholder};

pub(super) fn books(
    books: &BooksConfig,
    config: &HttpConfig,
    headers: &[(String, String)],
    units: &Units,
    found: &mut Found,
) -> Option<Books> {
    if books.find.is_none() && books.list.is_none() {
        found.add("books", "has neither find nor list");
    }
    let find = books.find.as_ref().map(|find| Search {
        path: fixed_path("books.find.path", &find.path, found),
        query: query("books.find.query", &find.query, None, found),
        next: None,
    });
    if find.as_ref().is_some_and(|find| !find.query.iter().any(|(_, term)| *term == Term::Reference)) {
        found.add("books.find.query", "holds no {reference}");
    }
    if find.is_some() && books.reference.is_none() {
        found.add("books.reference", "is missing: what find brings must say that it is ours");
    }
    // A reference that the rail replaced would be "absent" for ever: the answer to the payout must show that it was kept.
    if find.is_some() && config.answer.echo.reference.is_none() {
        found.add("answer.echo.reference", "is missing: find rests on it, so the rail must show that it kept it");
    }
    // One in another form (masked, grouped, an id of the rail's own) would make each payout one to somebody else: the first answer shows it.
    if books.destination.is_some() && config.answer.echo.destination.is_none() {
        found.add(
            "answer.echo.destination",
            "is missing: books.destination is compared with the payee, so the rail must show that it writes it as we do",
        );
    }
    let rails_own = [Some(&books.id), books.status.as_ref(), Some(&books.created)];
    if books.reference.as_ref().is_some_and(|reference| rails_own.contains(&Some(reference))) {
        found.add("books.reference", "is written by the rail; it must be the place of our own reference");
    }
    let list = books.list.as_ref().map(|list| Search {
        path: fixed_path("books.list.path", &list.path, found),
        query: query("books.list.query", &list.query, Some(list.since_as), found),
        next: next(books, list, found),
    });
    if list.as_ref().is_some_and(|list| !list.query.iter().any(|(_, term)| matches!(term, Term::Since(_)))) {
        found.add("books.list.query", "holds no {since}");
    }
    found.pointers([
        ("books.id", &Some(books.id.clone())),
        ("books.amount", &Some(books.amount.clone())),
        ("books.currency", &Some(books.currency.clone())),
        ("books.created", &Some(books.created.clone())),
        ("books.destination", &books.destination),
        ("books.reference", &books.reference),
        ("books.status", &books.status),
        ("books.more", &books.more),
    ]);
    if !books.items.is_empty() {
        found.pointer("books.items", &books.items);
    }
    let (more, returned) = (more(books, found), returned(books, found));
    let page = Page {
        must_hold: found.must_hold("books.must_hold", &books.must_hold),
        items: books.items.clone(),
        more: more?,
        item_must_hold: found.must_hold("books.item_must_hold", &books.item_must_hold),
        id: books.id.clone(),
        id_prefix: config.answer.id_prefix.clone(),
        amount: books.amount.clone(),
        form: config.amount.form,
        units: units.clone(),
        currency: books.currency.clone(),
        destination: books.destination.clone(),
        reference: books.reference.clone(),
        status: books.status.clone(),
        created: books.created.clone(),
        created_as: books.created_as,
        returned,
    };
    let payout = books.payout.as_ref().map(|path| fixed_path("books.payout", path, found));
    Some(Books { headers: headers.to_vec(), find, list, payout, account: None, page })
}

fn fixed_path(key: &str, path: &str, found: &mut Found) -> String {
    if found.path(key, path).iter().any(|segment| matches!(segment, Text::Slot(_))) {
        found.add(key, "takes no placeholder; the query does");
    }
    path.to_owned()
}

fn query(
    key: &str,
    query: &BTreeMap<String, String>,
    since: Option<TimeForm>,
    found: &mut Found,
) -> Vec<(String, Term)> {
    let mut terms = vec![];
    for (name, text) in query {
        let term = match (placeholder(text), since) {
            (Ok(None), _) => Term::Fixed(text.clone()),
            (Ok(Some("reference")), None) => Term::Reference,
            (Ok(Some("since")), Some(form)) => Term::Since(form),
            (Ok(Some("until")), Some(form)) => Term::Until(form),
            (Ok(Some(_)), None) => {
                found.add(&format!("{key}.{name}"), "holds an unknown placeholder; there is {reference}");
                continue;
            }
            (Ok(Some(_)), Some(_)) => {
                found.add(&format!("{key}.{name}"), "holds an unknown placeholder; there are {since} and {until}");
                continue;
            }
            (Err(problem), _) => {
                found.add(&format!("{key}.{name}"), problem);
                continue;
            }
        };
        terms.push((name.clone(), term));
    }
    terms
}

fn more(books: &BooksConfig, found: &mut Found) -> Option<More> {
    let more = match (&books.full_page, &books.more, &books.more_header) {
        (Some(size), None, None) if *size > 0 => More::Full(*size),
        (None, Some(pointer), None) => More::Pointer(pointer.clone()),
        (None, None, Some(name)) if HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            More::Header(name.to_ascii_lowercase())
        }
        (None, None, Some(_)) => {
            found.add("books.more_header", "is not the name of a header");
            return None;
        }
        _ => {
            found.add("books.full_page", "give one of full_page (above 0), more and more_header: is a page the last?");
            return None;
        }
    };
    Some(more)
}

fn next(books: &BooksConfig, list: &ListConfig, found: &mut Found) -> Option<Next> {
    match (&list.next, list.next_by) {
        (None, None) => None,
        (Some(query), Some(by)) => {
            if query.is_empty() || list.query.contains_key(query) {
                found.add("books.list.next", "is empty, or stands in the query already");
            }
            if by == NextBy::Header && books.more_header.is_none() {
                found.add("books.list.next_by", "needs books.more_header");
            }
            Some(Next { query: query.clone(), by })
        }
        _ => {
            found.add("books.list.next", "goes with next_by, and next_by with it");
            None
        }
    }
}

fn returned(books: &BooksConfig, found: &mut Found) -> Vec<Returned> {
    let mut signs = vec![];
    for (pointer, texts) in &books.returned {
        found.pointer("books.returned", pointer);
        if texts.is_empty() {
            found.add("books.returned", "lists no text");
        }
        signs.push(Returned::OneOf(pointer.clone(), texts.clone()));
    }
    signs
}
