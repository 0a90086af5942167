//! A sum as a person writes it: "50", "50,00", "1 234.50". Which sign divides is the language's own; what could be read in two
//! ways is refused, never guessed. A number that was read is exact.

use std::fmt;

/// Which of point and comma divides whole units from the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Divides {
    Point,
    Comma,
    /// The browser names no language that is known here.
    #[default]
    Unknown,
}

/// Languages that write "50,00", as the Unicode CLDR's locale data have it: <https://cldr.unicode.org/>.
const COMMA: [&str; 46] = [
    "af", "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fo", "fr", "gl", "hr", "hu",
    "hy", "id", "is", "it", "ka", "kk", "ky", "lb", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru",
    "sk", "sl", "sq", "sr", "sv", "tr", "uk", "vi",
];
/// Languages that write "50.00".
const POINT: [&str; 13] = ["en", "ga", "gu", "he", "hi", "ja", "ko", "ms", "mt", "ta", "th", "zh", "cy"];
/// Where a language of commas is written with a point.
const POINT_REGIONS: [&str; 11] =
    ["de-ch", "de-li", "it-ch", "es-mx", "es-us", "es-pr", "es-pa", "es-do", "es-gt", "es-hn", "es-ni"];

impl Divides {
    /// By `Accept-Language`: the language that is liked best. <https://www.rfc-editor.org/rfc/rfc9110#field.accept-language>
    pub fn of(accept_language: &str) -> Self {
        let mut liked: Option<(u32, &str)> = None;
        for part in accept_language.split(',').take(20) {
            let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = thousandths(weight.trim());
            if weight > 0 && liked.is_none_or(|(most, _)| weight > most) {
                liked = Some((weight, tag.trim()));
            }
        }
        let Some((_, tag)) = liked else { return Self::Unknown };
        let tag = tag.to_ascii_lowercase();
        let language = tag.split('-').next().unwrap_or_default();
        match language {
            _ if POINT_REGIONS.contains(&tag.as_str()) || POINT.contains(&language) => Self::Point,
            _ if COMMA.contains(&language) => Self::Comma,
            _ => Self::Unknown,
        }
    }
}

/// `q=0.8` as 800; all of it where nothing is said.
fn thousandths(weight: &str) -> u32 {
    let Some(number) = weight.strip_prefix("q=") else { return 1000 };
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let rest: u32 = format!("{rest:0<3}").get(..3).and_then(|digits| digits.parse().ok()).unwrap_or_default();
    whole.parse::<u32>().map_or(0, |whole| whole.min(1) * 1000 + rest).min(1000)
}

/// `digits` / 10^`scale` of a currency's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    digits: u64,
    scale: u8,
}

const SCALE_AT_MOST: usize = 4;

impl Amount {
    /// `None`: no number, or one that could be read in two ways.
    pub(crate) fn read(text: &str, divides: Divides) -> Option<Self> {
        let text = text.trim().replace(['\u{a0}', '\u{202f}', '\'', '\u{2019}'], " ");
        let (whole, rest) = match (text.rfind('.'), text.rfind(',')) {
            (None, None) => (text.as_str(), ""),
            // Both: the last one divides, and the other stands between groups of three.
            (Some(point), Some(comma)) => {
                let (whole, rest) = text.split_at(point.max(comma));
                (grouped(whole, if point > comma { ',' } else { '.' })?, rest.get(1..)?)
            }
            (Some(at), None) => one_sign(&text, at, divides == Divides::Point)?,
            (None, Some(at)) => one_sign(&text, at, divides == Divides::Comma)?,
        };
        let whole = if whole.contains(' ') { grouped(whole, ' ')? } else { whole };
        let digits = format!("{}{rest}", whole.replace(['.', ',', ' '], ""));
        let is_number = !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || rest.len() > SCALE_AT_MOST {
            return None;
        }
        Some(Self { digits: digits.parse().ok()?, scale: u8::try_from(rest.len()).ok()? })
    }

    /// As a person of these languages writes it. For `tests/fuzz`.
    #[doc(hidden)]
    pub fn of(text: &str, accept_language: &str) -> Option<Self> {
        Self::read(text, Divides::of(accept_language))
    }

    /// Compared with so many of the smallest unit, of which a whole one has 10^`exponent`.
    pub(crate) fn cmp_minor(&self, minor: u64, exponent: u8) -> std::cmp::Ordering {
        let own = u128::from(self.digits) * 10_u128.pow(u32::from(exponent));
        own.cmp(&(u128::from(minor) * 10_u128.pow(u32::from(self.scale))))
    }
}

/// Whole units, and what stands behind the one kind of sign that the text has.
fn one_sign(text: &str, at: usize, is_divider: bool) -> Option<(&str, &str)> {
    let (whole, rest) = (text.get(..at)?, text.get(at + 1..)?);
    let sign = if text.contains('.') { '.' } else { ',' };
    if whole.contains(sign) {
        // More than one: they stand between groups.
        return Some((grouped(text, sign)?, ""));
    }
    // Three digits behind the sign that does not divide in this language may be a group.
    (!rest.is_empty() && (is_divider || rest.len() != 3)).then_some((whole, rest))
}

/// The text, if `sign` stands in it between groups of three digits only.
fn grouped(text: &str, sign: char) -> Option<&str> {
    let mut groups = text.split(sign);
    let first = groups.next()?;
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_first = (1..=3).contains(&first.len()) && is_digits(first);
    (is_first && groups.all(|group| group.len() == 3 && is_digits(group))).then_some(text)
}

impl From<u64> for Amount {
    fn from(whole: u64) -> Self {
        Self { digits: whole, scale: 0 }
    }
}

/// As it can be read again in every language: with a point, and never with three digits behind it.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(u32::from(self.scale));
        let width = usize::from(self.scale);
        write!(f, "{}", self.digits / unit)?;
        match width {
            0 => Ok(()),
            3 => write!(f, ".{:03}0", self.digits % unit),
            _ => write!(f, ".{:0width$}", self.digits % unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn language_says_which_sign_divides() {
        for (header, divides) in [
            ("de-DE,de;q=0.9,en;q=0.8", Divides::Comma),
            ("en-GB,en;q=0.9,de;q=0.8", Divides::Point),
            ("en;q=0.5, fr", Divides::Comma),
            ("de-CH", Divides::Point),
            ("es-MX,es;q=0.9", Divides::Point),
            ("pt-BR", Divides::Comma),
            ("de;q=0,en;q=0.1", Divides::Point),
            ("", Divides::Unknown),
            ("tlh", Divides::Unknown),
            ("*", Divides::Unknown),
        ] {
            assert_eq!(Divides::of(header), divides, "{header}");
        }
    }

    #[test]
    fn sum_is_read_as_the_language_writes_it() {
        for (text, divides, read) in [
            ("50", Divides::Unknown, "50"),
            ("50,00", Divides::Comma, "50.00"),
            ("50.00", Divides::Comma, "50.00"),
            ("50,00", Divides::Unknown, "50.00"),
            ("1.234,50", Divides::Comma, "1234.50"),
            ("1,234.50", Divides::Comma, "1234.50"),
            ("1.234.567", Divides::Comma, "1234567"),
            ("1\u{202f}234,5", Divides::Comma, "1234.5"),
            ("1\u{2019}234.50", Divides::Point, "1234.50"),
            // Where the comma divides, three digits behind it are a part of one dinar.
            ("1,234", Divides::Comma, "1.2340"),
            ("1.234", Divides::Point, "1.2340"),
        ] {
            assert_eq!(Amount::read(text, divides).map(|amount| amount.to_string()).as_deref(), Some(read), "{text}");
        }
    }

    #[test]
    fn sum_that_could_be_read_in_two_ways_is_refused() {
        for (text, divides) in [
            ("1.234", Divides::Comma),
            ("1,234", Divides::Point),
            ("1.234", Divides::Unknown),
            ("1,234", Divides::Unknown),
            ("1.23.456", Divides::Comma),
            ("1.2,345,6", Divides::Comma),
            ("12,34.50", Divides::Point),
            ("1,", Divides::Comma),
            ("1.", Divides::Point),
            (",50", Divides::Comma),
            ("-5", Divides::Point),
            ("50 00", Divides::Comma),
            ("1 234.567,8", Divides::Comma),
            ("1,2 5", Divides::Comma),
            ("5e3", Divides::Point),
            ("", Divides::Point),
            ("1.23456", Divides::Point),
            ("99999999999999999999", Divides::Point),
        ] {
            let read = Amount::read(text, divides);
            assert!(read.is_none(), "{text}: {read:?}");
        }
    }

    /// What is in an address is read again by a colleague of another language.
    #[test]
    fn written_sum_is_read_again_in_every_language() {
        for text in ["0", "50", "50.00", "1.2340", "1234567.8", "0.05"] {
            for divides in [Divides::Point, Divides::Comma, Divides::Unknown] {
                let read = Amount::read(text, divides).unwrap();
                assert_eq!(read.to_string(), text);
                assert_eq!(Amount::read(&read.to_string(), Divides::Unknown), Some(read));
            }
        }
    }

    #[test]
    fn sum_is_compared_exactly() {
        let amount = |text| Amount::read(text, Divides::Point).unwrap();
        assert_eq!(amount("50.00").cmp_minor(5000, 2), Ordering::Equal);
        assert_eq!(amount("50").cmp_minor(4999, 2), Ordering::Greater);
        assert_eq!(amount("50.5").cmp_minor(50, 0), Ordering::Greater);
        assert_eq!(amount("0.001").cmp_minor(1, 3), Ordering::Equal);
        assert_eq!(amount("18446744073709551615").cmp_minor(u64::MAX, 4), Ordering::Greater);
    }
}
