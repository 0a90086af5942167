//! The exact request of one payout, as every rail prepares it, and the encodings that keep a value from being more than a
//! value.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use payonce_protocol::ids::{Digest, KeyGeneration, RailKey};
use payonce_protocol::money::Money;
use payonce_wire::SecretHeader;
use thiserror::Error;

use crate::answer::Echo;

/// Why an order cannot be put to this rail. It names no value, and lies in the event: a case, not a retry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Misfit {
    #[error("the rail does not pay in this currency")]
    Currency,
    #[error("the amount cannot be expressed in the rail's units")]
    Amount,
    #[error("the destination is not one of the rail's")]
    Destination,
    #[error("our reference is longer than the rail takes")]
    Reference,
    #[error("the rail takes no field {0}")]
    Field(String),
    #[error("the rail's field {0} is missing")]
    MissingField(String),
    #[error("the value of the rail's field {0} is empty or too long")]
    FieldValue(String),
    #[error("a value cannot stand in the path of the rail's request")]
    Path,
}

/// The exact request of one payout. Only [`crate::Rail::prepare`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// All but the secret's, in the order in which they are sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) rail_key: RailKey,
    pub(crate) key_generation: KeyGeneration,
    /// In the rail's units.
    pub(crate) money: Money,
    /// What a 2xx must repeat of this order.
    pub(crate) echo: Vec<(String, Echo)>,
}

impl Prepared {
    /// SHA-256 of the request as it goes out, without the line of the secret.
    pub fn digest(&self) -> Digest {
        Digest::of(self.bytes())
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    pub fn rail_key(&self) -> &RailKey {
        &self.rail_key
    }

    /// Of the rail key.
    pub fn key_generation(&self) -> KeyGeneration {
        self.key_generation
    }

    /// In the rail's units.
    pub fn money(&self) -> Money {
        self.money
    }

    /// Head and body as they are offered to the connection, but for the secret's line at the end of the head.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        bytes.push_str(&self.body);
        bytes.into_bytes()
    }

    pub(crate) fn request(&self, secret: &SecretHeader) -> Result<Request<Full<Bytes>>, http::Error> {
        let builder = Request::builder().method(self.method.clone()).uri(&self.path);
        let builder = self.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.header(&secret.name, secret.value.clone()).body(Full::from(self.body.clone()))
    }
}
