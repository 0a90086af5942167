//! Days as the formats write them. A day that the calendar has not is refused.

use jiff::civil::Date;

/// Two, four digits, as a number.
fn number(digits: &str) -> Option<i16> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

fn day(year: i16, month: &str, day: &str) -> Option<Date> {
    let (month, day) = (number(month)?, number(day)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// SWIFT's rule for two digits: 80 to 99 are the last century's.
fn century(year: &str) -> Option<i16> {
    let year = number(year)?;
    Some(if year >= 80 { 1900 + year } else { 2000 + year })
}

/// `YYMMDD`.
pub(crate) fn yymmdd(text: &str) -> Option<Date> {
    if text.len() != 6 {
        return None;
    }
    day(century(text.get(..2)?)?, text.get(2..4)?, text.get(4..)?)
}

/// `MMDD` in the year that brings it nearest to another day: an entry of 2 January may have its value on 30 December.
pub(crate) fn mmdd_near(text: &str, near: Date) -> Option<Date> {
    if text.len() != 4 {
        return None;
    }
    let of = |year: i16| day(year, text.get(..2)?, text.get(2..)?);
    let years = [near.year() - 1, near.year(), near.year() + 1];
    years.into_iter().filter_map(of).min_by_key(|date| near.until(*date).map_or(i32::MAX, |span| span.get_days().abs()))
}

/// `YYYY-MM-DD`, and what follows: a time, an offset. The day is the one that is written, in the bank's own zone.
pub(crate) fn iso(text: &str) -> Option<Date> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let is_followed_well = rest.is_empty() || rest.starts_with(['T', 'Z', '+', '-']);
    let mut parts = date.split('-');
    let (year, month, of_month) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = is_followed_well && parts.next().is_none() && (year.len(), month.len(), of_month.len()) == (4, 2, 2);
    if is_whole { day(number(year)?, month, of_month) } else { None }
}

/// A form such as `DD.MM.YYYY`; with `*` at its end, anything may follow.
pub(crate) fn formed(text: &str, form: &str) -> Option<Date> {
    let (form, may_follow) = match form.strip_suffix('*') {
        Some(form) => (form, true),
        None => (form, false),
    };
    let (mut year, mut month, mut of_month) = (None, None, None);
    let (mut form, mut rest) = (form, text);
    while let Some(mark) = form.chars().next() {
        let (length, slot) = match mark {
            'Y' if form.starts_with("YYYY") => (4, &mut year),
            'Y' if form.starts_with("YY") => (2, &mut year),
            'M' if form.starts_with("MM") => (2, &mut month),
            'D' if form.starts_with("DD") => (2, &mut of_month),
            mark => {
                rest = rest.strip_prefix(mark)?;
                form = &form[mark.len_utf8()..];
                continue;
            }
        };
        *slot = Some(rest.get(..length)?);
        (form, rest) = (&form[length..], rest.get(length..)?);
    }
    if !rest.is_empty() && !may_follow {
        return None;
    }
    let year = year?;
    let year = if year.len() == 2 { century(year)? } else { number(year)? };
    day(year, month?, of_month?)
}

/// Whether a form names a day, a month and a year, each once.
pub(crate) fn is_form(form: &str) -> bool {
    let body = form.strip_suffix('*').unwrap_or(form);
    let letters = |letter: char| body.matches(letter).count();
    let years = letters('Y') == 4 && body.contains("YYYY") || letters('Y') == 2 && body.contains("YY");
    years && letters('M') == 2 && body.contains("MM") && letters('D') == 2 && body.contains("DD")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(date: Option<Date>) -> String {
        date.map_or_else(|| "none".to_owned(), |date| date.to_string())
    }

    #[test]
    fn reads_days_of_each_form() {
        assert_eq!(shown(yymmdd("260105")), "2026-01-05");
        assert_eq!(shown(yymmdd("990228")), "1999-02-28");
        assert_eq!(shown(iso("2026-01-05T23:59:59.999+01:00")), "2026-01-05");
        assert_eq!(shown(iso("2026-01-05")), "2026-01-05");
        for (text, form) in [
            ("05.01.2026", "DD.MM.YYYY"),
            ("01/05/26", "MM/DD/YY"),
            ("20260105", "YYYYMMDD"),
            ("2026/01/05 03:46:00 -0700", "YYYY/MM/DD*"),
        ] {
            assert!(is_form(form));
            assert_eq!(shown(formed(text, form)), "2026-01-05", "{text}");
        }
    }

    #[test]
    fn an_entry_date_lies_next_to_its_value_date() {
        let near = |entry, value| shown(mmdd_near(entry, yymmdd(value).unwrap()));
        assert_eq!(near("0102", "251231"), "2026-01-02");
        assert_eq!(near("1231", "260102"), "2025-12-31");
        assert_eq!(near("0229", "240301"), "2024-02-29");
        assert_eq!(near("1301", "240301"), "none");
    }

    #[test]
    fn refuses_days_that_do_not_exist() {
        for text in ["260230", "261301", "26010", "2601055", "26é05", "      "] {
            assert_eq!(yymmdd(text), None, "{text}");
        }
        for text in ["2026-02-30", "2026-1-05", "2026-01-05 ", "2026-01-05x", "20260105", "é26-01-05", "2026-01-0é"] {
            assert_eq!(iso(text), None, "{text}");
        }
        for (text, form) in [("5.1.2026", "DD.MM.YYYY"), ("05.01.2026x", "DD.MM.YYYY"), ("05-01-2026", "DD.MM.YYYY")] {
            assert_eq!(formed(text, form), None, "{text}");
        }
        for form in ["DD.MM", "DD.MM.YYY", "DD.DD.YYYY", "", "*", "YYYY-MM-DDDD"] {
            assert!(!is_form(form), "{form}");
        }
    }
}
