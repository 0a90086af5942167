//! The first answer of an environment: its start, the secrets from a Secrets Manager that takes its time, and one delivery.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use payonce_local::stack::{CONFIG, sandbox_secret};
use serde_json::{Value, json};

use crate::deliveries::{Kind, deliver};
use crate::function::Function;
use crate::surroundings::{Surroundings, config_for};

/// What Secrets Manager takes for an answer from within a region, TLS included.
pub const ANSWERS_AFTER: Duration = Duration::from_millis(40);
/// Deliveries that nothing else here sends.
const FIRST_NUMBER: usize = 5_000_000;

pub struct FirstAnswers {
    /// Sorted.
    pub took: Vec<Duration>,
    /// Secrets that each environment read.
    pub secrets: usize,
}

pub fn measure(binary: &Path, surroundings: &Surroundings, times: usize) -> Result<FirstAnswers, String> {
    let (url, asked) = secrets_manager();
    let here = config_for(&surroundings.rail.url());
    assert!(CONFIG.contains("\"env:"), "the sandbox's secrets are variables");
    surroundings.write_config(&here.replace("\"env:", "\"secretsmanager:"));
    let mut took = vec![];
    for number in 0..times {
        let variable = ("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), url.clone());
        let environment = surroundings.environment().into_iter().chain([variable]).collect();
        let began = Instant::now();
        let (function, _) = Function::start(binary, environment, false);
        let payload = surroundings.payload(&surroundings.payment(FIRST_NUMBER + number), false);
        deliver(&function, 0, payload, Kind::New)?;
        took.push(began.elapsed());
    }
    surroundings.write_config(&here);
    took.sort_unstable();
    Ok(FirstAnswers { took, secrets: asked.load(Ordering::SeqCst) / times.max(1) })
}

/// Its address, and how often it was asked. It answers as many at once as ask.
fn secrets_manager() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || answer(stream));
        }
    });
    (url, asked)
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        let header = line.trim_end().to_ascii_lowercase();
        length = header.strip_prefix("content-length: ").map_or(length, |value| value.parse().unwrap());
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let id = request["SecretId"].as_str().unwrap();
    thread::sleep(ANSWERS_AFTER);
    let said = json!({ "Name": id, "SecretString": sandbox_secret(id).unwrap() }).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length";
    stream.write_all(format!("{head}: {}\r\n\r\n{said}", said.len()).as_bytes()).unwrap();
}
