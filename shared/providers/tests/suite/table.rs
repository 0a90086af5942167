//! `infra/providers.md` holds a table of all presets. It is made from them; `PAYONCE_WRITE=1` writes it anew.

use std::path::Path;

use payonce_providers::preset::{self, Identity, Preset, Signature, TypeFrom};
use payonce_providers::scheme::{Algorithm, Encoding, Piece};

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
    let mut table =
        "| `scheme` | signature | against replay | identity | redelivers | hangs up after | checked with | |\n\
        |---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for preset in preset::ALL {
        let hangs_up = preset.answer_within_ms.map_or("not said".to_owned(), |ms| format!("{} s", ms / 1000));
        table.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {hangs_up} | {} | {} |\n",
            preset.name,
            scheme(preset),
            replay(preset),
            identity(preset),
            preset.redelivery,
            checked(preset),
            preset.note,
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
fn the_table_of_providers_is_not_what_the_code_does() {
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
