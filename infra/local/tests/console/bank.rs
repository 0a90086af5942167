//! A bank's file on its way in: looked at, imported once by who may, and read by the next run.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use payonce_protocol::reconcile::rows::Book;
use payonce_statements::kept::Learned;

use super::*;

/// MT940 of today: what our reference says, and how many cents moved. `wrong`: by how much the closing balance is.
fn statement(opening: i64, rows: &[(&str, i64)], wrong: i64) -> String {
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date().strftime("%y%m%d").to_string();
    let written = |minor: i64| format!("{},{:02}", minor.abs() / 100, minor.abs() % 100);
    let side = |minor: i64| if minor < 0 { 'D' } else { 'C' };
    let mut text = format!(":20:A\r\n:25:NL08PAYO0000000001\r\n:28C:1/1\r\n:60F:C{day}EUR{}\r\n", written(opening));
    for (reference, minor) in rows {
        text += &format!(":61:{day}{}{}NTRFNONREF\r\n", side(*minor), written(*minor));
        text += &format!(":86:/EREF/{reference}/NAME/Ann Planted/REMI/for Ann Planted\r\n");
    }
    let closing = opening + rows.iter().map(|(_, minor)| minor).sum::<i64>() + wrong;
    text + &format!(":62F:C{day}EUR{}\r\n-\r\n", written(closing))
}

impl Desk<'_> {
    async fn hand_in(&mut self, path: &str, file: &[u8], fields: &[(&str, &str)]) -> Page {
        let csrf = self.csrf().await;
        self.hand_in_as(path, file, &[fields, &[("csrf", csrf.as_str())]].concat(), &[]).await
    }

    async fn hand_in_as(&mut self, path: &str, file: &[u8], fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"monday.sta\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--b--\r\n");
        let url = self.url(path);
        let headers = [headers, &[("content-type", "multipart/form-data; boundary=b")]].concat();
        self.browser.ask_with(Method::POST, &url, body, &headers).await
    }

    /// What the page of a dry run holds, sent as its button does.
    async fn import(&mut self, checked: &Page, more: &[(&str, &str)]) -> Page {
        let held = ["held_name", "held_file", "seen"].map(|name| (name, checked.field(name)));
        let held: Vec<(&str, &str)> = held.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post("/bank/import", &[&held[..], more].concat()).await
    }
}

async fn numbers(stack: &Stack) -> Vec<(u64, u64, u64)> {
    stack.ledger.imports().await.unwrap().iter().map(|import| (import.number, import.new, import.known)).collect()
}

#[tokio::test]
async fn a_file_is_looked_at_first_and_imported_once_and_on_record() {
    let stack = stack().await;
    let mut ada = Desk::of(&stack, "ada").await;
    let file = statement(100_000, &[("stripe/pi_a", -4_200), ("stripe/pi_b", -4_200)], 0);
    let checked = ada.hand_in("/bank", file.as_bytes(), &[]).await;
    assert_eq!(checked.status, StatusCode::OK, "{}", checked.body);
    assert!(checked.body.contains("2 new, 0 known, 0 changed, 0 doubtful"), "{}", checked.body);
    for sum in ["1000.00 EUR", "-84.00 EUR", "916.00 EUR"] {
        assert!(checked.body.contains(sum), "{sum} in {}", checked.body);
    }
    assert!(!checked.body.contains("Planted"), "a name of the file is shown");
    assert_eq!(numbers(&stack).await, [], "a dry run keeps nothing");

    let imported = ada.import(&checked, &[]).await;
    assert_eq!(
        (imported.status, imported.location.as_deref()),
        (StatusCode::SEE_OTHER, Some("/console/bank?imported=1"))
    );
    let [import] = &stack.ledger.imports().await.unwrap()[..] else { panic!("one import") };
    assert_eq!((import.by.subject.as_str(), import.name.as_str()), ("sandbox|ada", "monday.sta"));
    assert_eq!(import.file, Digest::of(file.as_bytes()));
    let lines = stack.ledger.import_lines(import).await.unwrap();
    assert!(!String::from_utf8_lossy(&lines).contains("Planted"), "a name is kept");
    let list = ada.get("/bank?imported=1").await.body;
    assert!(list.contains("monday.sta is imported") && list.contains("Ada"), "{list}");

    // The same once more, and its button once more.
    let again = ada.hand_in("/bank", file.as_bytes(), &[]).await;
    assert!(again.body.contains("Imported before") && again.body.contains("by <bdi>Ada"), "{}", again.body);
    let again = ada.import(&checked, &[]).await;
    assert!(again.status == StatusCode::OK && again.body.contains("Imported before"), "{}", again.body);

    // A later export of the same day adds only what is new.
    let later = statement(100_000, &[("stripe/pi_a", -4_200), ("stripe/pi_b", -4_200), ("stripe/pi_c", -4_200)], 0);
    let checked = ada.hand_in("/bank", later.as_bytes(), &[]).await;
    assert!(checked.body.contains("1 new, 2 known, 0 changed, 0 doubtful"), "{}", checked.body);
    ada.import(&checked, &[]).await;
    assert_eq!(numbers(&stack).await, [(1, 2, 0), (2, 1, 2)]);
}

#[tokio::test]
async fn a_file_of_two_people_at_once_is_looked_at_again_and_nothing_is_counted_twice() {
    let stack = stack().await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let (one, both) = ([("stripe/pi_a", -4_200)], [("stripe/pi_a", -4_200), ("stripe/pi_b", -4_200)]);
    let first = ada.hand_in("/bank", statement(100_000, &one, 0).as_bytes(), &[]).await;
    let second = ben.hand_in("/bank", statement(100_000, &both, 0).as_bytes(), &[]).await;
    assert!(second.body.contains("2 new, 0 known"), "{}", second.body);
    assert_eq!(ada.import(&first, &[]).await.status, StatusCode::SEE_OTHER);
    let late = ben.import(&second, &[]).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    assert!(
        late.body.contains("Somebody imported a file meanwhile") && late.body.contains("1 new, 1 known"),
        "{}",
        late.body
    );
    assert_eq!(numbers(&stack).await, [(1, 1, 0)]);
    assert_eq!(ben.import(&late, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(numbers(&stack).await, [(1, 1, 0), (2, 1, 1)]);
}

#[tokio::test]
async fn what_was_not_imported_to_its_end_does_not_count() {
    let stack = stack().await;
    let mut ada = Desk::of(&stack, "ada").await;
    let file = statement(100_000, &[("stripe/pi_a", -4_200)], 0);
    let checked = ada.hand_in("/bank", file.as_bytes(), &[]).await;
    ada.import(&checked, &[]).await;
    let [import] = &stack.ledger.imports().await.unwrap()[..] else { panic!("one import") };
    let lines = stack.ledger.import_lines(import).await.unwrap();
    assert!(Learned::read(&lines).is_ok());
    // Of another stack, where the function died before the last write.
    let other = self::stack().await;
    other.ledger.keep_import_lines(&lines).await.unwrap();
    assert_eq!(numbers(&other).await, []);
    let mut ada = Desk::of(&other, "ada").await;
    let checked = ada.hand_in("/bank", file.as_bytes(), &[]).await;
    assert!(checked.body.contains("1 new, 0 known"), "{}", checked.body);
    ada.import(&checked, &[]).await;
    assert_eq!(numbers(&other).await, [(1, 1, 0)]);
}

#[tokio::test]
async fn only_who_may_attach_evidence_hands_a_file_in_and_from_our_own_page_alone() {
    let stack = stack().await;
    let file = statement(100_000, &[("stripe/pi_a", -4_200)], 0);
    for (person, role) in PEOPLE {
        let may = may(&role.into_iter().collect::<Vec<_>>(), Act::Attach);
        let mut desk = Desk { stack: &stack, browser: Browser::new() };
        let begun = desk.browser.get(&desk.url("/sign-in")).await;
        desk.browser.at_the_issuer(&begun.location.unwrap(), person).await;
        let csrf = if role.is_some() { desk.csrf().await } else { "x".to_owned() };
        let page = desk.hand_in_as("/bank", file.as_bytes(), &[("csrf", &csrf)], &[]).await;
        assert_eq!(page.status, if may { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{person}: {}", page.body);
        let import = desk.hand_in_as("/bank/import", file.as_bytes(), &[("csrf", &csrf), ("seen", "7")], &[]).await;
        assert_eq!(import.status, if may { StatusCode::CONFLICT } else { StatusCode::FORBIDDEN }, "{person}");
        // Whoever has a role sees what was imported; only some see a form.
        let list = desk.get("/bank").await;
        assert_eq!(list.body.contains("name=\"file\""), may, "{person}: {}", list.body);
    }
    let mut ada = Desk::of(&stack, "ada").await;
    let csrf = ada.csrf().await;
    for path in ["/bank", "/bank/import"] {
        // Of an earlier session: the file is in the page that comes back, and nothing is done.
        let page = ada.hand_in_as(path, file.as_bytes(), &[("csrf", "forged"), ("seen", "0")], &[]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(page.body.contains("Not sent yet") && page.body.contains("held_file"), "{}", page.body);
        let elsewhere = [("origin", "https://elsewhere.example")];
        let page = ada.hand_in_as(path, file.as_bytes(), &[("csrf", &csrf), ("seen", "0")], &elsewhere).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!page.body.contains("held_file"), "{}", page.body);
    }
    assert_eq!(numbers(&stack).await, []);
}

#[tokio::test]
async fn what_is_no_statement_or_does_not_close_is_refused_whole_with_its_line() {
    let stack = stack().await;
    let mut ada = Desk::of(&stack, "ada").await;
    let large = statement(100_000, &[("x".repeat(3 << 20).as_str(), -1)], 0);
    let rows = [("stripe/pi_a", -4_200)];
    let latin = statement(100_000, &rows, 0).replace("for Ann", "f\u{fc}r Ann");
    let latin: Vec<u8> = latin.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let utf16: Vec<u8> = statement(100_000, &rows, 0).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cut = statement(100_000, &rows, 0).as_bytes()[..120].to_vec();
    let closes = statement(100_000, &rows, 1).into_bytes();
    for (what, file, format, status, says) in [
        ("nothing", vec![], "", 400, "The file is empty"),
        ("too large", large.into_bytes(), "", 400, "The file is larger than 3 MB"),
        ("a picture", b"\x89PNG\r\n\x1a\n".to_vec(), "", 400, "Choose its format"),
        ("a format that nobody described", closes.clone(), "monday", 400, "There is no format of this name"),
        ("another format", closes.clone(), "camt", 422, "it is not well-formed XML"),
        ("a page", b"<html><body>Sign in</body></html>".to_vec(), "", 422, "line 1"),
        ("does not close", closes, "", 422, "but the closing balance is 958.01 EUR"),
        ("cut off", cut, "", 422, "line"),
        ("Latin-1", latin, "", 422, "the bytes are no text in UTF-8"),
        ("UTF-16", utf16, "mt940", 422, "the file is in UTF-16"),
        ("entities", b"<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>".to_vec(), "", 422, "a document type is not allowed"),
    ] {
        for path in ["/bank", "/bank/import"] {
            let page = ada.hand_in(path, &file, &[("format", format), ("seen", "0")]).await;
            assert_eq!(page.status.as_u16(), status, "{what}: {}", page.body);
            assert!(page.body.contains(says), "{what}: {}", page.body);
            assert!(!page.body.contains("Planted"), "{what}: a name of the file is shown");
        }
    }
    let none = ada.post("/bank", &[("seen", "0")]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST, "{}", none.body);
    assert_eq!(numbers(&stack).await, []);
}

/// A list without balances: nothing shows whether the second row is the first once more.
#[tokio::test]
async fn rows_of_which_nobody_can_say_whether_they_are_known_wait_for_a_persons_word() {
    let stack = stack().await;
    let mut ada = Desk::of(&stack, "ada").await;
    let first = statement(100_000, &[("stripe/pi_a", -4_200)], 0);
    let checked = ada.hand_in("/bank", first.as_bytes(), &[]).await;
    ada.import(&checked, &[]).await;
    // Its opening balance is none that is known: a statement between the two is missing, or it was told anew.
    let second = statement(90_000, &[("stripe/pi_a", -4_200)], 0);
    let refused = ada.hand_in("/bank", second.as_bytes(), &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert!(refused.body.contains("Say what the rows alike are"), "{}", refused.body);
    for (word, says) in [("repeats", "0 new, 1 known"), ("continues", "1 new, 0 known")] {
        let page = ada.hand_in("/bank", second.as_bytes(), &[("doubt", word)]).await;
        assert!(page.body.contains(says), "{word}: {}", page.body);
        assert_eq!(page.field("doubt"), word);
    }
    let odd = ada.hand_in("/bank", second.as_bytes(), &[("doubt", "perhaps")]).await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_next_run_reads_what_was_imported_and_says_how_far_it_reaches() {
    let stack = stack().await;
    deliver(&stack, "twice", "twice", "acct_sandboxGood").await;
    let mut ada = Desk::of(&stack, "ada").await;
    // Each debit has our own mark: it left the account twice.
    let rows = [("stripe/pi_twice", -4_200), ("stripe/pi_twice", -4_200)];
    let checked = ada.hand_in("/bank", statement(100_000, &rows, 0).as_bytes(), &[]).await;
    ada.import(&checked, &[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let run = stack.reconcile().await.unwrap().unwrap();
    let manifest: Value = serde_json::from_str(&run.manifest).unwrap();
    assert_eq!(manifest["rows"][Book::Bank.as_str()], json!(2), "{manifest}");
    let page = ada.get(&format!("/books/{}", run.to)).await.body;
    assert!(page.contains("Paid twice, at the bank"), "{page}");
    let bank = page
        .split("The bank's statement")
        .nth(1)
        .unwrap_or_else(|| page.split("The bank&#39;s statement").nth(1).unwrap());
    assert!(bank.contains("Complete until"), "{bank}");
}
