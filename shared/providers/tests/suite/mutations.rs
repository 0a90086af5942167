//! Every preset's sample with random oddities in it, signed as it is then. What is paid is what the plain reading says, or
//! what the sample said before; everything else is a case or nothing, and nothing panics.

use http::HeaderMap;
use payonce_protocol::order::PayoutOrder;
use payonce_providers::{BodyMisfit, Routed};
use serde_json::Value;

use crate::presets::{SAMPLES, Sample, TEST, provider};
use crate::random::Random;
use crate::{T, secrets};

/// What stands in a text that cannot be read; the last few can.
const INSIDE: [&[u8]; 10] = [
    br"\ud83d",
    br"\udc00",
    br"\uDBFF\u0041",
    b"\xff",
    b"\xed\xa0\xbd",
    b"\xc3",
    br"\x",
    b"\n",
    br"\ud83d\ude00",
    b"\xc3\xa9",
];
/// In place of a value, and no value.
const VALUES: [&str; 5] = ["1e400", "-1E+999", r#""\ud83d""#, r#"{"a":1,"a":2}"#, "[[1e400]]"];

fn pick<'t, T>(of: &'t [T], random: &mut Random) -> &'t T {
    &of[random.below(of.len())]
}

/// Where a value begins behind its name, and where it ends when it is a text or a number.
fn values(body: &[u8]) -> Vec<(usize, usize)> {
    let begins = (1..body.len()).filter(|at| body[at - 1] == b':' && body[*at] != b'{' && body[*at] != b'[');
    let end = |at: usize| {
        let is_text = body[at] == b'"';
        let ends = |byte: u8| if is_text { byte == b'"' } else { matches!(byte, b',' | b'}' | b']') };
        let inside = body[at + 1..].iter().position(|byte| ends(*byte));
        inside.map_or(body.len(), |inside| at + 1 + inside + usize::from(is_text))
    };
    begins.map(|at| (at, end(at))).collect()
}

fn spliced(body: &[u8], from: usize, to: usize, by: &[u8]) -> Vec<u8> {
    [&body[..from], by, &body[to..]].concat()
}

fn changed(body: &[u8], random: &mut Random) -> Vec<u8> {
    let (quotes, values): (Vec<usize>, _) = ((0..body.len()).filter(|at| body[*at] == b'"').collect(), values(body));
    let (Some(_), Some(_)) = (quotes.first(), values.first()) else { return body.to_vec() };
    match random.below(5) {
        // Within a text or a name, or beside it.
        0 => {
            let at = pick(&quotes, random) + 1;
            spliced(body, at, at, INSIDE[random.below(INSIDE.len())])
        }
        1 => {
            let (from, to) = *pick(&values, random);
            spliced(body, from, to, pick(&VALUES, random).as_bytes())
        }
        // A member that stands twice, the odd one first or last.
        2 => {
            let (from, to) = *pick(&values, random);
            let name_from = body[..from - 2].iter().rposition(|byte| *byte == b'"').unwrap_or(0);
            let name = body[name_from..from].to_vec();
            let member = [&name[..], pick(&VALUES, random).as_bytes()].concat();
            match random.below(2) {
                0 => spliced(body, name_from, name_from, &[&member[..], b","].concat()),
                _ => spliced(body, to, to, &[b",", &member[..]].concat()),
            }
        }
        3 => spliced(body, 0, 0, b"\xef\xbb\xbf"),
        _ => random.one_changed(body),
    }
}

/// Key, money and payee of whatever is paid; the first field is the event's id, which may be the body's hash.
fn paid(sample: &Sample, body: &[u8]) -> Vec<PayoutOrder> {
    let (provider, held) = (provider(sample), secrets(&[sample.secret]));
    let headers: HeaderMap = provider.sign(&held, body, T).into_iter().collect();
    let Ok(verified) = provider.verify(&held, &headers, body, T) else {
        assert_eq!(sample.preset, "adyen", "only its signature stands in the body");
        return vec![];
    };
    let events = match provider.events(&verified) {
        Ok(events) => events,
        Err(misfit) => {
            assert!(misfit.to_string().len() < 300, "{misfit}");
            assert!(!matches!(misfit, BodyMisfit::TooMany { .. }));
            return vec![];
        }
    };
    let orders = events.iter().flatten().filter_map(|event| match provider.route(event, &TEST) {
        Routed::Order(order) => Some(order),
        _ => None,
    });
    orders.collect()
}

fn terms(orders: &[PayoutOrder]) -> Vec<String> {
    orders.iter().map(|order| format!("{} {} {}", order.key, order.money, order.destination)).collect()
}

#[test]
fn no_oddity_is_paid_otherwise_than_the_body_reads() {
    let mut random = Random::new("no_oddity_is_paid_otherwise_than_the_body_reads");
    for sample in SAMPLES {
        let whole =
            provider(sample).seal(&secrets(&[sample.secret]), (sample.body)().to_string().as_bytes()).into_owned();
        let (mut as_read, mut as_before) = (0, 0);
        for _ in 0..400 {
            let mut body = whole.clone();
            let mut flipped = false;
            for _ in 0..=random.below(2) {
                let before = body.len();
                body = changed(&body, &mut random);
                flipped |= body.len() == before;
            }
            let orders = paid(sample, &body);
            if orders.is_empty() {
                continue;
            }
            let shown = String::from_utf8_lossy(&body);
            match serde_json::from_slice::<Value>(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body)) {
                Ok(plain) => {
                    as_read += 1;
                    assert_eq!(terms(&orders), terms(&paid(sample, plain.to_string().as_bytes())), "{shown}");
                }
                Err(_) if !flipped => {
                    as_before += 1;
                    assert_eq!(terms(&orders), terms(&paid(sample, &whole)), "{shown}");
                }
                Err(_) => {}
            }
        }
        // Half of them touch something that is needed; a preset without a rule pays nothing.
        let pays = !paid(sample, &whole).is_empty();
        assert!(!pays || as_read + as_before > 5, "{}: {as_read}, {as_before}", sample.preset);
    }
}
