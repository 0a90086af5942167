//! The providers' own libraries, in a process for each language. The questions and answers are in `tests/interop`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::wire::{Case, Delivery, Wire, wire};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Node,
    Python,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Node, Self::Python];

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
        }
    }

    pub fn registry(self) -> &'static str {
        match self {
            Self::Node => "npm",
            Self::Python => "PyPI",
        }
    }
}

/// One provider's library in one language, or that language's own HMAC where there is none.
pub struct Oracle {
    pub language: Language,
    provider: &'static str,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The package's name and version as it is installed.
    pub package: Option<(String, String)>,
    pub signs: bool,
}

impl Oracle {
    pub fn start(language: Language, provider: &'static str) -> Self {
        let mut command = match language {
            Language::Node => {
                let mut node = Command::new("node");
                node.env(payonce_tools::INTEROP_NODE.variable, payonce_tools::INTEROP_NODE.path());
                node
            }
            Language::Python => Command::new(payonce_tools::INTEROP_PYTHON.path()),
        };
        let script = match language {
            Language::Node => "oracle.mjs",
            Language::Python => "oracle.py",
        };
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop").join(script));
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut oracle = Self { language, provider, process, questions, answers, package: None, signs: false };
        let about = oracle.ask(json!({"do": "version"}));
        oracle.signs = about["signs"].as_bool().unwrap_or_else(|| panic!("{} is not known", oracle.name()));
        if let (Some(package), Some(version)) = (about["package"].as_str(), about["version"].as_str()) {
            oracle.package = Some((package.to_owned(), version.to_owned()));
        }
        oracle
    }

    pub fn both(provider: &'static str) -> [Self; 2] {
        Language::ALL.map(|language| Self::start(language, provider))
    }

    pub fn name(&self) -> String {
        format!("{} in {}", self.provider, self.language.name())
    }

    /// What the library makes of this body: the value of its signature header.
    pub fn sign(&mut self, case: &Case, id: &str, body: &[u8], t: u64) -> String {
        let answer = self.ask(json!({
            "do": "sign", "secret": case.secret, "url": case.url, "t": t, "id": id, "body": BASE64.encode(body),
        }));
        answer["header"].as_str().unwrap().to_owned()
    }

    pub fn accepts(&mut self, case: &Case, delivery: &Delivery) -> bool {
        let answer = self.ask(json!({
            "do": "verify", "secret": case.secret, "url": case.url, "headers": delivery.headers,
            "body": BASE64.encode(&delivery.body), "now_ms": delivery.now,
        }));
        answer["ok"].as_bool().unwrap()
    }

    fn ask(&mut self, mut question: Value) -> Value {
        let Wire { header, mark, encoding, algorithm, .. } = wire(self.provider);
        question["provider"] = self.provider.into();
        question["documented"] =
            json!({"header": header, "mark": mark, "encoding": encoding.name(), "algorithm": algorithm});
        let mut line = question.to_string();
        line.push('\n');
        self.questions.write_all(line.as_bytes()).unwrap();
        line.clear();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: no answer; its error stands above", self.name()))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
