//! Each preset's sample, damaged in one place: what a provider's next version may do to it.

use http::HeaderMap;
use payonce_providers::{ParsedEvent, Provider, Routed};
use serde_json::{Map, Value};

use crate::presets::{Sample, TEST};
use crate::{T, config, secrets};

/// The events of a body that this provider signed.
pub fn parse_with(provider: &Provider, secret: &str, body: &Value) -> Vec<ParsedEvent> {
    parse_text(provider, secret, body.to_string().as_bytes())
}

pub fn parse_text(provider: &Provider, secret: &str, body: &[u8]) -> Vec<ParsedEvent> {
    let secrets = secrets(&[secret]);
    let body = provider.seal(&secrets, body).into_owned();
    let headers: HeaderMap = provider.sign(&secrets, &body, T).into_iter().collect();
    let Ok(verified) = provider.verify(&secrets, &headers, &body, T) else { return vec![] };
    provider.events(&verified).unwrap().into_iter().flatten().collect()
}

impl Sample {
    pub fn toml_with(&self, lines: &str) -> String {
        format!(
            "scheme = '{}'\nsecrets = ['env:A']\n{}\n[[payouts]]\n{}\n\
             destination_pattern = '^acct_[A-Za-z0-9]+$'\n{lines}",
            self.preset, self.besides, self.rule
        )
    }

    pub fn provider_with(&self, lines: &str) -> Provider {
        Provider::new(self.preset, &config(&self.toml_with(lines))).unwrap()
    }

    /// Where its rule finds the payee.
    pub fn destination(&self) -> &'static str {
        self.rule.split("destination = '").nth(1).unwrap().split('\'').next().unwrap()
    }

    pub fn event_body(&self) -> Value {
        (self.body)()
    }

    /// The body with one place of its event set, or taken away. Objects on the way there are made.
    pub fn damaged(&self, whole: &Value, pointer: &str, value: Option<Value>) -> Value {
        let mut body = whole.clone();
        let event = match self.preset {
            "adyen" => &mut body["notificationItems"][0]["NotificationRequestItem"],
            "gocardless" => &mut body["events"][0],
            _ => &mut body,
        };
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = parent.split('/').skip(1).fold(event, |place, step| match step.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => place.as_object_mut().unwrap().entry(step).or_insert_with(|| Map::new().into()),
        });
        match value {
            None => drop(parent.as_object_mut().unwrap().remove(name)),
            Some(value) => parent[name] = value,
        }
        body
    }

    pub fn route(&self, provider: &Provider, body: &Value) -> Routed {
        self.try_route(provider, body).unwrap()
    }

    /// `None`: the event cannot be read, which is a case or a refused delivery.
    pub fn try_route(&self, provider: &Provider, body: &Value) -> Option<Routed> {
        Some(provider.route(parse_with(provider, self.secret, body).first()?, &TEST))
    }
}
