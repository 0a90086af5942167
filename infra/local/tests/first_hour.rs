//! The runbook of an engineer's first hour, run as it is written: every command in its order, and every line that it promises.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the commands are run as a person would")]

use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const PAGE: &str = include_str!("../../runbooks/engineers-first-hour.md");
const END: &str = "@@";

/// A command as it is typed, and what it must print.
struct Step {
    command: String,
    prints: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![];
    let (mut is_console, mut is_typed) = (false, false);
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            is_console = kind == "console";
        } else if is_console && is_typed {
            let step = steps.last_mut().unwrap();
            step.command = format!("{}\n{line}", step.command);
            is_typed = line != "END";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            steps.push(Step { command: command.to_owned(), prints: vec![] });
            is_typed = command.contains("<<'END'");
        } else if is_console {
            steps.last_mut().unwrap().prints.push(line.to_owned());
        }
    }
    steps
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `…` stands for whatever is left out.
fn comes_with(printed: &str, promised: &[String]) -> Result<(), String> {
    let mut rest = printed;
    for part in promised.iter().flat_map(|line| line.split('…')).map(plain).filter(|part| !part.is_empty()) {
        let at = rest.find(&part).ok_or_else(|| part.clone())?;
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

#[test]
fn every_command_of_the_page_prints_what_the_page_says() {
    let steps = steps(PAGE);
    assert!(steps.len() > 15, "{}", steps.len());
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = env!("CARGO_BIN_EXE_payonce");
    let mut script = String::new();
    for Step { command, .. } in &steps {
        // Where many tests run beside each other, the usual port is anybody's.
        let port = match command.contains("cargo run -- send") {
            true => format!(" --url http://127.0.0.1:{port}"),
            false if command.ends_with("--local") => format!(" {port}"),
            false if command.contains("--data") || command.contains("--exit") => format!(" --port {port}"),
            false => String::new(),
        };
        let (run, background) = command.strip_suffix('&').map_or((command.as_str(), ""), |run| (run, "&"));
        let run = match run.split_once(" > ") {
            Some((run, into)) if !background.is_empty() => format!("{run}{port} > {into}"),
            _ => format!("{run}{}", if run.contains("cargo run") { port.as_str() } else { "" }),
        };
        let _ = writeln!(script, "{}{background}\necho '{END}'", run.replace("cargo run --", program));
    }
    script.push_str("kill $! 2> /dev/null\n");
    let mut shell = Command::new("bash");
    shell.current_dir(folder.path()).arg("-c").arg(format!("exec 2>&1\n{script}")).stdin(Stdio::null());
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION", "NO_COLOR"] {
        shell.env_remove(name);
    }
    let output = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    let printed: Vec<String> = output.split(&format!("{END}\n")).map(plain).collect();
    assert!(Path::new(program).exists() && printed.len() == steps.len() + 1, "{output}");
    for (step, printed) in steps.iter().zip(&printed) {
        if let Err(missing) = comes_with(printed, &step.prints) {
            panic!("{missing:?} is not printed by `{}`, but:\n{printed}", step.command);
        }
    }
}
