//! Bytes to text. The caller says what a file is written in; nothing is guessed, and what does not fit is refused.

use serde::Deserialize;

use crate::error::Wrong;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Charset {
    /// With a byte order mark or without.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "latin-1")]
    Latin1,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// Bytes 0x80 to 0x9f, <https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WINDOWS/CP1252.TXT>; a zero is unassigned.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0,
    0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

impl Charset {
    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Latin1 => "Latin-1",
            Self::Windows1252 => "Windows-1252",
        }
    }

    /// Control characters other than tab and line ends are refused: they show that the bytes are no text, or another charset.
    pub fn decode(self, bytes: &[u8]) -> Result<String, Wrong> {
        let wrong = Wrong::NotText(self.name());
        let text = match self {
            Self::Utf8 => String::from_utf8(bytes.to_vec()).map_err(|_| wrong.clone())?,
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Windows1252 => {
                let character = |byte: &u8| match byte {
                    0x80..=0x9f => WINDOWS_1252
                        .get(usize::from(byte - 0x80))
                        .copied()
                        .map_or('\0', |code| char::from_u32(u32::from(code)).unwrap_or('\0')),
                    byte => char::from(*byte),
                };
                bytes.iter().map(character).collect()
            }
        };
        let is_text = text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'));
        if is_text { Ok(text) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_declared_charset_and_no_other() {
        assert_eq!(Charset::Latin1.decode(b"M\xfcller").as_deref(), Ok("Müller"));
        assert_eq!(Charset::Windows1252.decode(b"5 \x80").as_deref(), Ok("5 €"));
        assert_eq!(Charset::Utf8.decode("Müller".as_bytes()).as_deref(), Ok("Müller"));
        assert_eq!(Charset::Utf8.decode(b"M\xfcller"), Err(Wrong::NotText("UTF-8")));
        assert_eq!(Charset::Latin1.decode("5 €".as_bytes()), Err(Wrong::NotText("Latin-1")));
        assert_eq!(Charset::Windows1252.decode(b"\x81"), Err(Wrong::NotText("Windows-1252")));
        assert_eq!(Charset::Utf8.decode(b"a\0b"), Err(Wrong::NotText("UTF-8")));
    }
}
