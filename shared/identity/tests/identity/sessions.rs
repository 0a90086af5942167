//! The console's cookies: what a thief, a neighbour or a second tab could do with them.

use payonce_identity::{Person, Role, Session, SessionError, Sessions};
use serde_json::json;

use crate::fake::{Fake, MINUTE, NOW};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const AGENT: &str = "Mozilla/5.0 (a browser)";
const IDLE: u64 = 20 * MINUTE;
const ABSOLUTE: u64 = 600 * MINUTE;

fn sessions() -> Sessions {
    Sessions::new(KEY, IDLE, ABSOLUTE, "/").unwrap()
}

fn ada() -> Person {
    Person {
        subject: "ada".to_owned(),
        name: "Ada Analyst".to_owned(),
        roles: [Role::Analyst, Role::Viewer].into(),
        no_role: None,
    }
}

/// What the browser sends of what it was given.
fn sent(set_cookie: &str) -> String {
    set_cookie.split_once(';').unwrap().0.to_owned()
}

fn open() -> (Session, Vec<String>) {
    let session = sessions().open(&ada(), AGENT, NOW).unwrap();
    let cookie = sent(&sessions().cookie(&session, NOW).unwrap());
    (session, vec![cookie])
}

#[test]
fn session_comes_back_from_its_cookie() {
    let (session, cookies) = open();
    assert_eq!(sessions().read(&cookies, AGENT, NOW + 1), Some(session.clone()));
    let among = vec![format!("a=b; {}; c=d", cookies[0]), "e=f".to_owned()];
    assert_eq!(sessions().read(&among, AGENT, NOW + 1).unwrap().person, ada());
    assert_eq!(sessions().read(&[], AGENT, NOW), None);
}

#[test]
fn session_cookie_has_the_strictest_attributes() {
    let (session, _) = open();
    let cookie = sessions().cookie(&session, NOW).unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with("__Host-payonce="));
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(Sessions::end_cookie(), "__Host-payonce=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    assert!(!cookie.contains("Ada") && !cookie.contains(&session.id) && !format!("{session:?}").contains("Ada"));
    assert!(!format!("{session:?}").contains(&session.id));
}

#[test]
fn each_session_has_a_fresh_id() {
    let (one, _) = open();
    let (other, _) = open();
    assert!(one.id != other.id && one.id.len() == 43);
}

#[test]
fn idle_session_ends() {
    let (session, cookies) = open();
    assert!(sessions().read(&cookies, AGENT, NOW + IDLE).is_some());
    assert!(sessions().read(&cookies, AGENT, NOW + IDLE + 1).is_none());
    let again = sent(&sessions().cookie(&session, NOW + IDLE).unwrap());
    let read = sessions().read(&[again], AGENT, NOW + 2 * IDLE).unwrap();
    assert_eq!((read.id, read.opened_at, read.seen_at), (session.id, NOW, NOW + IDLE));
}

#[test]
fn session_in_use_ends_after_its_absolute_time() {
    let (session, _) = open();
    let late = sent(&sessions().cookie(&session, NOW + ABSOLUTE).unwrap());
    assert!(sessions().read(std::slice::from_ref(&late), AGENT, NOW + ABSOLUTE).is_some());
    assert!(sessions().read(&[late], AGENT, NOW + ABSOLUTE + 1).is_none());
    let future = sent(&sessions().cookie(&session, NOW + 10 * MINUTE).unwrap());
    assert!(sessions().read(&[future], AGENT, NOW).is_none());
}

#[test]
fn refuses_a_cookie_from_another_browser() {
    let (_, cookies) = open();
    for agent in ["", "curl/8", "Mozilla/5.0 (a browser) "] {
        assert_eq!(sessions().read(&cookies, agent, NOW), None);
    }
}

#[test]
fn refuses_an_altered_cookie() {
    let (_, cookies) = open();
    let (name, value) = cookies[0].split_once('=').unwrap();
    for at in 0..value.trim_end_matches('=').len() {
        let mut altered = value.to_owned().into_bytes();
        altered[at] = if altered[at] == b'A' { b'Q' } else { b'A' };
        let altered = format!("{name}={}", String::from_utf8(altered).unwrap());
        assert_eq!(sessions().read(&[altered], AGENT, NOW), None, "at {at}");
    }
    for rubbish in ["", "x", "=", "AAAA", "%00", "ünicode", &"A".repeat(10_000)] {
        assert_eq!(sessions().read(&[format!("{name}={rubbish}")], AGENT, NOW), None);
    }
    let other = Sessions::new("another key with 32 bytes or more", IDLE, ABSOLUTE, "/").unwrap();
    assert_eq!(other.read(&cookies, AGENT, NOW), None);
}

#[test]
fn refuses_two_sessions_at_once() {
    let (_, cookies) = open();
    let (_, planted) = open();
    let both = format!("{}; {}", planted[0], cookies[0]);
    assert_eq!(sessions().read(&[both], AGENT, NOW), None);
    assert_eq!(sessions().read(&[cookies[0].clone(), planted[0].clone()], AGENT, NOW), None);
    assert_eq!(sessions().read(&[cookies[0].clone(), "__Host-payonce=".to_owned()], AGENT, NOW), None);
}

#[test]
fn refuses_one_cookie_in_place_of_another() {
    let (session, cookies) = open();
    let (_, value) = cookies[0].split_once('=').unwrap();
    let moved = format!("__Host-payonce-act={value}");
    assert_eq!(sessions().kept::<Session>("act", &[moved], IDLE, NOW), None);
    let kept = sent(&sessions().keep("act", &session, NOW).unwrap());
    assert!(sessions().kept::<Session>("act", std::slice::from_ref(&kept), IDLE, NOW).is_some());
    assert!(sessions().kept::<Session>("other", std::slice::from_ref(&kept), IDLE, NOW).is_none());
    let (_, value) = kept.split_once('=').unwrap();
    assert_eq!(sessions().read(&[format!("__Host-payonce={value}")], AGENT, NOW), None);
    let renamed = format!("__Host-payonce-other={value}");
    assert!(sessions().kept::<Session>("other", &[renamed], IDLE, NOW).is_none());
}

#[test]
fn refuses_a_form_of_another_session() {
    let (one, _) = open();
    let (other, _) = open();
    let csrf = sessions().csrf(&one);
    assert!(sessions().is_csrf(&one, &csrf) && csrf.len() == 43);
    for given in ["", "x", &csrf[1..], &csrf[..42], &format!("{csrf}="), &csrf.to_lowercase(), &sessions().csrf(&other)]
    {
        assert!(!sessions().is_csrf(&one, given), "{given}");
    }
    assert!(!sessions().is_csrf(&other, &csrf));
    let elsewhere = Sessions::new("another key with 32 bytes or more", IDLE, ABSOLUTE, "/").unwrap();
    assert!(!elsewhere.is_csrf(&one, &csrf));
    assert!(!one.id.contains(&csrf) && !csrf.contains(&one.id));
}

#[test]
fn forgets_what_was_kept_after_its_time() {
    let kept = sent(&sessions().keep("act", &json!({ "case": 7 }), NOW).unwrap());
    let read = |now| sessions().kept::<serde_json::Value>("act", std::slice::from_ref(&kept), 5 * MINUTE, now);
    assert_eq!(read(NOW + 5 * MINUTE), Some(json!({ "case": 7 })));
    assert_eq!(read(NOW + 5 * MINUTE + 1), None);
    assert_eq!(read(NOW - 2 * MINUTE), None);
    assert_eq!(sessions().kept::<serde_json::Value>("act", &[format!("{kept}; {kept}")], MINUTE, NOW), None);
    assert_eq!(sessions().kept::<Vec<u8>>("act", &[kept], MINUTE, NOW), None);
}

#[test]
fn refuses_to_make_a_cookie_too_large_for_a_browser() {
    let large = |bytes: usize| sessions().keep("act", &"x".repeat(bytes), NOW);
    assert!((3_000..=4_096).contains(&large(2_900).unwrap().len()));
    assert_eq!(large(3_100), Err(SessionError::TooLarge));
    let name = "\u{1f600}".repeat(80);
    let longest = Person { subject: "s".repeat(255), name, roles: Role::ALL.iter().copied().collect(), no_role: None };
    let session = sessions().open(&longest, &"agent".repeat(1_000), NOW).unwrap();
    assert!(sessions().cookie(&session, NOW).unwrap().len() < 1_500);
}

#[test]
fn refuses_a_weak_key_and_a_bad_path() {
    let new = |secret, path| Sessions::new(secret, IDLE, ABSOLUTE, path).map(drop);
    assert_eq!(new(&KEY[1..], "/"), Err(SessionError::ShortSecret));
    assert_eq!(new("", "/"), Err(SessionError::ShortSecret));
    for path in ["", "sign-in", "/a;b", "/a b", "/a\n"] {
        assert_eq!(new(KEY, path), Err(SessionError::BadPath), "{path:?}");
    }
}

#[test]
fn cookie_for_a_path_is_bound_to_it() {
    let below = Sessions::new(KEY, IDLE, ABSOLUTE, "/sign-in").unwrap();
    let kept = below.keep("state", &1, NOW).unwrap();
    assert!(kept.starts_with("__Secure-payonce-state=") && kept.ends_with("; Path=/sign-in"));
    assert!(below.forget("state").ends_with("; Path=/sign-in; Max-Age=0"));
    assert!(sessions().keep("state", &1, NOW).unwrap().starts_with("__Host-payonce-state="));
}

#[tokio::test]
async fn sign_in_in_progress_fits_a_cookie() {
    let fake = Fake::new();
    let purpose = payonce_identity::Purpose::Confirm { nonce: "n".repeat(64) };
    let (_, kept) = fake.issuer().begin(&purpose).await.unwrap();
    let cookie = sessions().keep("sign-in", &kept, NOW).unwrap();
    assert!(cookie.len() < 1_000);
    let read: payonce_identity::PendingSignIn = sessions().kept("sign-in", &[sent(&cookie)], MINUTE, NOW).unwrap();
    assert_eq!(read.purpose(), &purpose);
}
