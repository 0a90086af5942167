//! XML as bank files need it: elements and their text, one transaction at a time. Document types and entities of one's own are
//! refused, so nothing can expand; depth and the bytes of one transaction are bounded.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::error::{Refused, Wrong};
use crate::source::Source;

/// camt goes sixteen deep.
const MAX_DEPTH: usize = 32;
/// camt has two at the most. The reader compares each with all before it.
const MAX_ATTRIBUTES: usize = 64;
const TOO_MANY: Wrong = Wrong::NotRead("it has more than 64 attributes");

pub(crate) struct Xml<'s, 'a> {
    reader: Reader<&'s mut Source<'a>>,
    buffer: Vec<u8>,
    depth: usize,
    /// The prefix of the message's namespace; elements with another one keep it in their name.
    prefix: Option<String>,
}

pub(crate) enum Token {
    Open(Open),
    Close,
    Text(String),
    End,
}

pub(crate) struct Open {
    pub name: String,
    pub line: u64,
    /// `Ccy`.
    currency: Option<String>,
}

/// An element with all that is in it.
#[derive(Debug)]
pub(crate) struct Node {
    pub name: String,
    pub line: u64,
    pub currency: Option<String>,
    text: String,
    pub children: Vec<Node>,
}

impl Node {
    pub fn empty(name: &str, line: u64) -> Self {
        Self { name: name.to_owned(), line, currency: None, text: String::new(), children: Vec::new() }
    }

    /// The first element at a path such as `Refs/EndToEndId`.
    pub fn at<'n>(&'n self, path: &str) -> Option<&'n Self> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let mut named = self.all(name);
        match rest {
            None => named.next(),
            Some(rest) => named.find_map(|child| child.at(rest)),
        }
    }

    pub fn all<'n>(&'n self, name: &str) -> impl Iterator<Item = &'n Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn own_text(&self) -> &str {
        self.text.trim()
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).map(Self::own_text).filter(|text| !text.is_empty())
    }
}

impl<'s, 'a> Xml<'s, 'a> {
    pub fn new(source: &'s mut Source<'a>) -> Self {
        let mut reader = Reader::from_reader(source);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Self { reader, buffer: Vec::new(), depth: 0, prefix: None }
    }

    pub fn line(&self) -> u64 {
        self.reader.get_ref().line_number()
    }

    pub fn refuse<T>(&self, place: &str, wrong: Wrong) -> Result<T, Refused> {
        Err(Refused::new(self.line(), place, wrong))
    }

    /// A new piece, of bounded size, begins.
    pub fn mark(&mut self) {
        self.reader.get_mut().mark();
    }

    /// The bytes of the piece so far.
    pub fn piece(&self) -> u64 {
        self.reader.get_ref().piece()
    }

    /// The piece goes on as if nothing had come since it had so many bytes.
    pub fn mark_at(&mut self, bytes: u64) {
        self.reader.get_mut().mark_at(bytes);
    }

    /// The root element and the namespace that it is in.
    pub fn root(&mut self) -> Result<String, Refused> {
        loop {
            self.buffer.clear();
            let line = self.line();
            match self.reader.read_event_into(&mut self.buffer) {
                Ok(Event::Start(start)) => {
                    let (local, prefix) = start.name().decompose();
                    if local.into_inner() != "Document" {
                        return self.refuse("Document", Wrong::Missing);
                    }
                    let prefix = prefix.map(|prefix| prefix.into_inner().to_owned());
                    let declared =
                        prefix.as_ref().map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
                    let mut namespace = None;
                    for (index, attribute) in start.attributes().enumerate() {
                        match attribute {
                            _ if index == MAX_ATTRIBUTES => return self.refuse("Document", TOO_MANY),
                            Ok(attribute) if attribute.key.0 == declared => {
                                namespace = Some(attribute.value.into_owned())
                            }
                            Ok(_) => {}
                            Err(_) => return self.refuse("Document", Wrong::NotXml),
                        }
                    }
                    self.prefix = prefix;
                    self.depth = 1;
                    return namespace
                        .ok_or_else(|| Refused::new(line, "Document", Wrong::NotRead("its namespace is missing")));
                }
                Ok(Event::Decl(declaration)) => {
                    let is_read = match declaration.encoding() {
                        None => true,
                        Some(Ok(name)) => ["utf-8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known)),
                        Some(Err(_)) => false,
                    };
                    if !is_read {
                        return self.refuse("XML declaration", Wrong::Charset("another encoding than UTF-8"));
                    }
                }
                Ok(Event::Comment(_) | Event::PI(_)) => {}
                Ok(Event::Text(text)) if text.chars().all(|c| c.is_ascii_whitespace()) => {}
                Ok(Event::DocType(_)) => return self.refuse("file", Wrong::DocumentType),
                Ok(_) => return self.refuse("file", Wrong::NotXml),
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    pub fn next(&mut self) -> Result<Token, Refused> {
        loop {
            self.buffer.clear();
            let line = self.line();
            match self.reader.read_event_into(&mut self.buffer) {
                Ok(Event::Start(start)) => {
                    let (local, prefix) = start.name().decompose();
                    let is_ours = prefix.map(|prefix| prefix.into_inner()) == self.prefix.as_deref();
                    let name = if is_ours { local.into_inner() } else { start.name().0 }.to_owned();
                    // Its reader takes `<>` and `< Ntry>` for elements of no name, and what nobody knows is read over.
                    if name.is_empty() {
                        return self.refuse("file", Wrong::NotXml);
                    }
                    let mut currency = None;
                    for (index, attribute) in start.attributes().enumerate() {
                        match attribute {
                            _ if index == MAX_ATTRIBUTES => return self.refuse(&name, TOO_MANY),
                            Ok(attribute) if attribute.key.0 == "Ccy" => currency = Some(attribute.value.into_owned()),
                            Ok(_) => {}
                            Err(_) => return self.refuse(&name, Wrong::NotXml),
                        }
                    }
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return self.refuse(&name, Wrong::TooDeep(MAX_DEPTH));
                    }
                    return Ok(Token::Open(Open { name, line, currency }));
                }
                Ok(Event::End(_)) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Token::Close);
                }
                Ok(Event::Text(text)) => {
                    let text = text.xml10_content().into_owned();
                    return self.plain(text);
                }
                Ok(Event::CData(text)) => {
                    let text = text.xml10_content().into_owned();
                    return self.plain(text);
                }
                Ok(Event::GeneralRef(reference)) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => match &*reference.xml10_content() {
                            "amp" => Some('&'),
                            "lt" => Some('<'),
                            "gt" => Some('>'),
                            "quot" => Some('"'),
                            "apos" => Some('\''),
                            _ => None,
                        },
                        Err(_) => None,
                    };
                    return match character.filter(|c| !c.is_control() || c.is_whitespace()) {
                        Some(character) => Ok(Token::Text(character.to_string())),
                        None => self.refuse("file", Wrong::Entity),
                    };
                }
                Ok(Event::Eof) if self.depth > 0 => return self.refuse("file", Wrong::Truncated),
                Ok(Event::Eof) => return Ok(Token::End),
                Ok(Event::DocType(_)) => return self.refuse("file", Wrong::DocumentType),
                Ok(Event::Comment(_) | Event::PI(_)) => {}
                Ok(_) => return self.refuse("file", Wrong::NotXml),
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    /// Control characters are not allowed in XML, and not refused by its reader.
    fn plain(&self, text: String) -> Result<Token, Refused> {
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return self.refuse("file", Wrong::NotXml);
        }
        Ok(Token::Text(text))
    }

    /// The next element within the one that is open, or none when that ends.
    pub fn child(&mut self, place: &str) -> Result<Option<Open>, Refused> {
        loop {
            match self.next()? {
                Token::Open(open) => return Ok(Some(open)),
                Token::Close => return Ok(None),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) => return self.refuse(place, Wrong::Misplaced),
                Token::End => return self.refuse(place, Wrong::Truncated),
            }
        }
    }

    /// The rest of an element that was opened.
    pub fn rest(&mut self, open: Open) -> Result<Node, Refused> {
        let Open { name, line, currency } = open;
        let mut node = Node { name, line, currency, text: String::new(), children: Vec::new() };
        loop {
            match self.next()? {
                Token::Open(open) => {
                    let child = self.rest(open)?;
                    node.children.push(child);
                }
                Token::Close => return Ok(node),
                Token::Text(text) => node.text.push_str(&text),
                Token::End => return self.refuse(&node.name, Wrong::Truncated),
            }
        }
    }

    fn broken(&mut self, error: &quick_xml::Error) -> Refused {
        let line = self.line();
        let wrong = match (self.reader.get_mut().take_wrong(), error) {
            (Some(wrong), _) => wrong,
            (None, quick_xml::Error::Io(error)) => Wrong::Unreadable(error.kind()),
            (None, quick_xml::Error::Encoding(_)) => Wrong::NotText("UTF-8"),
            (None, _) => Wrong::NotXml,
        };
        Refused::new(line, "file", wrong)
    }
}
