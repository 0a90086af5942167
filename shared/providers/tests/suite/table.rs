//! `infra/providers.md` holds a table of all presets, and README.md their names. Both are made from them; `PAYONCE_WRITE=1` writes them
//! anew.

use std::path::Path;

use payonce_providers::marker::Marks;
use payonce_providers::preset::{self, Identity, Live, Preset, Signature, TimeForm, TypeFrom};
use payonce_providers::scheme::{Algorithm, Encoding, Piece};

/// What stands before the list in README.md.
const LISTED: &str = "**Providers.** ";

const BEGINS: &str = "<!-- presets: made by shared/providers/tests/suite/table.rs -->\n";
const ENDS: &str = "<!-- end of presets -->\n";

fn scheme(preset: &Preset) -> String {
    let Signature::Scheme(scheme) = preset.signature else {
        return "HMAC-SHA256, base64, over eight fields of each item, in the body".to_owned();
    };
    let algorithm = match scheme.algorithm {
        Algorithm::HmacSha256 => "HMAC-SHA256",
        Algorithm::HmacSha512 => "HMAC-SHA512",
    };
    let encoding = match scheme.encoding {
        Encoding::Hex => "hex",
        Encoding::HexUpper => "upper-case hex",
        Encoding::Base64 => "base64",
    };
    let signed: String = scheme
        .signed
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Body => "{body}".to_owned(),
            Piece::Time => "{t}".to_owned(),
            Piece::Id => "{id}".to_owned(),
            Piece::Url => "{url}".to_owned(),
        })
        .collect();
    format!("{algorithm}, {encoding}, over `{signed}`, in `{}`", scheme.header)
}

fn replay(preset: &Preset) -> String {
    match preset.signature {
        Signature::Scheme(scheme) => match scheme.time {
            Some(time) => format!("signed time, ±{} s", time.past_s),
            None => "none; the claim protects".to_owned(),
        },
        Signature::Adyen => "none; the claim protects".to_owned(),
    }
}

fn places(pointers: &[&str]) -> String {
    pointers.iter().map(|pointer| format!("`{pointer}`")).collect::<Vec<_>>().join(" + ")
}

fn identity(preset: &Preset) -> String {
    let id = match preset.id {
        Identity::Pointers { needed, optional } => places(&[needed, optional].concat()),
        Identity::Body => "SHA-256 of the body".to_owned(),
        Identity::Message => "the signed id header".to_owned(),
    };
    let event_type = match preset.event_type {
        TypeFrom::Pointers(pointers) => places(pointers),
        TypeFrom::Configured => "`event_type` of the configuration".to_owned(),
    };
    let list = preset.items.map_or_else(String::new, |items| format!(" of each in `{}`", items.list));
    format!("{id}; type {event_type}{list}")
}

fn time(preset: &Preset) -> String {
    preset.created.map_or("none is signed".to_owned(), |created| {
        let form = match created.form {
            TimeForm::Seconds => "seconds",
            TimeForm::Millis => "milliseconds",
            TimeForm::Rfc3339 => "RFC 3339",
        };
        let if_there = if created.is_optional { "; made now where it is missing" } else { "" };
        format!("`{}`, {form}{if_there}", created.at)
    })
}

fn mode(preset: &Preset) -> String {
    let needed = match preset.live {
        Live::Flag(at) => format!("`{at}`, `true` for live"),
        Live::Word(at) => format!("`{at}`, `live` or `test`"),
        Live::Configured => "as configured".to_owned(),
    };
    let believed = preset.markers.iter().map(|marker| match marker.says {
        Marks::Live => format!("`{}`, `true` for live", marker.at),
        Marks::Test => format!("`{}`, `true` for a trial", marker.at),
        Marks::Word => format!("`{}`, `live` or `test`", marker.at),
        Marks::Sandbox(host) => format!("`{}`, a trial's with `{host}`", marker.at),
    });
    let believed: Vec<String> = believed.collect();
    if believed.is_empty() { needed } else { format!("{needed}; where it is there, {}", believed.join(" and ")) }
}

/// Types that bar a payout, or open a case when it was made.
fn blocking(preset: &Preset) -> String {
    if let Some(why) = preset.no_blocks {
        return format!("none: {why}");
    }
    let blocks = preset.blocks.iter().map(|block| {
        let only = block.when.map_or_else(String::new, |(at, value)| format!(", when `{at}` is `{value}`"));
        format!("`{}` at `{}`{only}", block.event, block.payment)
    });
    blocks.collect::<Vec<_>>().join("; ")
}

/// What becomes of an event in which a place that is read holds nothing.
fn missing(preset: &Preset) -> String {
    let needed = match preset.id {
        Identity::Pointers { needed, .. } => Some(places(needed)),
        Identity::Body | Identity::Message => None,
    };
    let event_type = match preset.event_type {
        TypeFrom::Pointers(pointers) => Some(places(pointers)),
        TypeFrom::Configured => None,
    };
    let mode = match preset.live {
        Live::Flag(at) | Live::Word(at) => Some(format!("`{at}`")),
        Live::Configured => None,
    };
    let time = preset.created.filter(|created| !created.is_optional).map(|created| format!("`{}`", created.at));
    let always: Vec<String> = [needed, event_type, time, mode].into_iter().flatten().collect();
    let mut said = vec![];
    if !always.is_empty() {
        said.push(format!("a case: {}", always.join(", ")));
    }
    if !preset.markers.is_empty() && matches!(preset.live, Live::Configured) {
        said.push("the configured mode: its marks".to_owned());
    }
    if said.is_empty() { "nothing is read but what a rule names".to_owned() } else { said.join("; ") }
}

fn places_or(pointers: &[&str]) -> String {
    pointers.iter().map(|pointer| format!("`{pointer}`")).collect::<Vec<_>>().join(" or ")
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "—".to_owned() } else { text }
}

fn checked(preset: &Preset) -> String {
    if preset.checked_with.is_empty() {
        return "the languages' own HMAC".to_owned();
    }
    let libraries = preset
        .checked_with
        .iter()
        .map(|library| format!("{} `{}` {}", library.registry, library.package, library.version));
    libraries.collect::<Vec<_>>().join(", ")
}

fn table() -> String {
    let mut table = "| `scheme` | signature | against replay | redelivers | hangs up after | checked with | |\n\
        |---|---|---|---|---|---|---|\n"
        .to_owned();
    for preset in preset::ALL {
        let hangs_up = preset.answer_within_ms.map_or("not said".to_owned(), |ms| format!("{} s", ms / 1000));
        table.push_str(&format!(
            "| `{}` | {} | {} | {} | {hangs_up} | {} | {} |\n",
            preset.name,
            scheme(preset),
            replay(preset),
            preset.redelivery,
            checked(preset),
            preset.note,
        ));
    }
    table.push_str(
        "\nWhat their events say of themselves:\n\n\
         | `scheme` | identity | time | mode | another account | blocking events | a missing field |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for preset in preset::ALL {
        table.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            preset.name,
            identity(preset),
            time(preset),
            mode(preset),
            or_dash(places_or(preset.accounts)),
            blocking(preset),
            missing(preset),
        ));
    }
    table.push_str("\nThe payment that events of different kinds have in common, for keys that pay it once:\n\n");
    table.push_str("| `scheme` | events | `key` |\n|---|---|---|\n");
    for (preset, family) in preset::ALL.iter().flat_map(|preset| preset.same_payment.iter().map(move |it| (preset, it)))
    {
        let key = [places_or(family.payment), family.advice.to_owned()].into_iter().filter(|text| !text.is_empty());
        table.push_str(&format!(
            "| `{}` | `{}…` | {} |\n",
            preset.name,
            family.events,
            key.collect::<Vec<_>>().join("; ")
        ));
    }
    table.push_str("\nRefused at start:\n\n");
    for (name, why) in preset::REFUSED {
        table.push_str(&format!("- `{name}`: {why}.\n"));
    }
    table
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a person may ask for the file to be written")]
fn table_of_providers_is_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/providers.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGINS).unwrap();
    let (found, after) = rest.split_once(ENDS).unwrap();
    let expected = format!("\n{}\n", table());
    if std::env::var_os("PAYONCE_WRITE").is_some() {
        std::fs::write(&path, format!("{before}{BEGINS}{expected}{ENDS}{after}")).unwrap();
        return;
    }
    assert!(found == expected, "infra/providers.md differs from the presets: run this test with PAYONCE_WRITE=1");
}

/// Each by the name that it gives itself, in lines as wide as the rest of the page.
#[test]
#[allow(clippy::disallowed_methods, reason = "a person may ask for the file to be written")]
fn readme_names_every_provider() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(LISTED).expect("README.md lists the providers");
    let (found, after) = rest.split_once("\n[infra/providers.md]").expect("README.md says more in another file");
    let titles: Vec<&str> = preset::ALL.iter().map(|preset| preset.title).collect();
    let words = format!("{}, and `custom`, described in the configuration.", titles.join(", "));
    let mut expected = String::new();
    let mut column = LISTED.trim_start().len();
    for word in words.split(' ') {
        if column + word.len() > 120 {
            expected = expected.trim_end().to_owned() + "\n";
            column = 0;
        }
        expected += word;
        expected.push(' ');
        column += word.len() + 1;
    }
    let expected = expected.trim_end().to_owned();
    if std::env::var_os("PAYONCE_WRITE").is_some() {
        std::fs::write(&path, format!("{before}{LISTED}{expected}\n[infra/providers.md]{after}")).unwrap();
        return;
    }
    assert!(found == expected, "README.md lists other providers: run this test with PAYONCE_WRITE=1");
}
