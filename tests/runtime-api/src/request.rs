//! Just enough of HTTP/1.1 to read what a Lambda runtime sends: a head, and a body of a length it names or in chunks.

use std::io::{BufRead, Read};

pub struct Request {
    pub path: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The next request on a connection; none when the other side has gone.
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let path = line(reader)?.split(' ').nth(1).expect("a request line").to_owned();
        let (mut length, mut chunked) = (0, false);
        while let Some(header) = line(reader).filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(':').expect("a header");
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().expect("a length"),
                "transfer-encoding" => chunked = true,
                _ => {}
            }
        }
        let body = if chunked { chunks(reader)? } else { exactly(reader, length)? };
        Some(Self { path, body })
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).unwrap_or(0);
    (read > 0).then(|| line.trim_end().to_owned())
}

fn exactly(reader: &mut impl Read, length: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = vec![];
    loop {
        let size = usize::from_str_radix(line(reader)?.split(';').next()?, 16).expect("a chunk's size");
        body.extend(exactly(reader, size)?);
        line(reader)?;
        if size == 0 {
            return Some(body);
        }
    }
}
