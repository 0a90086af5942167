//! The sender's list is the measure of every loss: it must hold what was sent, whatever became of it.

#![allow(clippy::unwrap_used, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "a port is found that nobody listens on")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use payonce_local::sender::{Expected, Sender};
use payonce_local::stack::{CONFIG, PROVIDER};
use payonce_providers::Secrets;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use serde_json::json;

fn sender(to: SocketAddr, file: &Path) -> Sender {
    let provider = Config::parse(CONFIG).unwrap().provider(Some(PROVIDER)).unwrap();
    let secrets = Secrets::new(vec!["whsec_test".to_owned()]).unwrap();
    let providers = [(PROVIDER.to_owned(), (provider, secrets))].into();
    Sender::new(to, providers, Clock::manual(1_800_000_000_000), Some(file.to_owned())).unwrap()
}

#[tokio::test]
async fn keeps_an_event_that_was_never_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent.jsonl");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let before = sender(nobody, &file);
    let event = json!({ "id": "evt_1", "type": "payment_intent.succeeded" });
    let expected = Expected::Case("invalid_event".to_owned());
    assert!(before.deliver(&event, expected.clone()).await.is_err());

    for kept in [before.sent(), sender(nobody, &file).sent()] {
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].name.as_str(), &kept[0].expected, kept[0].acknowledged), ("evt_1", &expected, false));
    }
}
