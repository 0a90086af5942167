//! A prepared request as a person may look at it who tries a configuration: everything but the secret.

use crate::rail::Rail;
use crate::request::Prepared;

/// The request as it would leave; its secret's line names the header and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestShown {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Rail {
    pub fn shown(&self, prepared: &Prepared) -> RequestShown {
        let mut headers = prepared.headers.clone();
        headers.push((self.secret_header(), "(hidden)".to_owned()));
        RequestShown {
            method: prepared.method.to_string(),
            path: prepared.path.clone(),
            headers,
            body: prepared.body.clone(),
        }
    }
}
