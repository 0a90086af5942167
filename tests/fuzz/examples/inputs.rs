//! Writes the inputs that begin a corpus, from the samples of this repository: deliveries signed as the targets expect them, the
//! events themselves, bank files, configurations, a token. `cargo run -p payonce-fuzz --example inputs`; what is there already
//! is written anew, and nothing else is touched.

#![allow(clippy::unwrap_used, reason = "a sample that is missing ends it")]

use std::fs;
use std::path::{Path, PathBuf};

use payonce_fuzz::{people, signatures};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn keep(target: &str, name: &str, parts: &[&[u8]]) {
    let folder = root().join("tests/fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), parts.concat()).unwrap();
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let paths = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

fn main() {
    for provider in signatures::providers() {
        for (name, body) in
            files(&format!("events/{provider}")).into_iter().filter(|(name, _)| !name.starts_with("invoke"))
        {
            let name = format!("{provider}-{}", name.trim_end_matches(".json"));
            keep("events", &name, &[provider.as_bytes(), b"\n\n", &body]);
            keep("signatures", &name, &[&signatures::delivery(provider, &body)]);
        }
    }
    for (name, file) in
        files("shared/statements/tests/samples").into_iter().chain(files("shared/statements/tests/samples/bad"))
    {
        let described = name.split(['-', '.']).next().unwrap();
        match name.rsplit_once('.').unwrap().1 {
            "xml" => keep("camt", &name, &[&file]),
            "sta" if name.starts_with("mt940-numbered") => keep("accounts", &name, &[b"mt940 latin-1\n\n", &file]),
            "sta" => keep("accounts", &name, &[b"mt940\n\n", &file]),
            "bai" => keep("accounts", &name, &[b"bai2\n\n", &file]),
            "csv" => keep("lists", &name, &[described.as_bytes(), b"\n\n", &file]),
            _ => {}
        }
    }
    keep("people", "token", &[b"token\n\n", people::token_of_another().as_bytes()]);
    keep("people", "cookie", &[b"cookie\n\n", people::cookie().as_bytes()]);
    let claims = people::claims_of_ada();
    keep("people", "claims", &[b"claims\n{\"alg\":\"EdDSA\",\"kid\":\"ed\"}\n\n", claims.as_bytes()]);
}
