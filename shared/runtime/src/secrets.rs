//! Secrets by reference: the configuration says where one is kept, never what it is. They are read at start, again when a
//! signature fails, and again when half an hour has passed; once a minute at the most, whether or not the last reading
//! succeeded (unverified-touches-nothing). What was not read again within an hour is not trusted any more: a secret that was
//! withdrawn must not live on in a warm function.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{Digest, Hasher};
use payonce_providers::{SecretForm, Secrets};
use payonce_rails::RailSecret;
use serde_json::json;
use tokio::sync::Mutex;

use crate::aws::{Ask, Aws, NoAnswer};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::signed::Signer;

/// Between two readings of the same secrets.
pub const REFRESH_EVERY_MS: u64 = 60_000;
/// A reading that is older is made again before the next use. Half of its trust is left then, in which a reading that fails
/// is tried each minute.
const RENEW_AFTER_MS: u64 = 30 * 60_000;
/// What was last read longer ago verifies nothing.
pub const TRUSTED_FOR_MS: u64 = 60 * 60_000;

/// A delivery waits for it, with the payout still to come: with both attempts and the pause between them not 3 s.
const ATTEMPT_WITHIN: Duration = Duration::from_millis(1_300);
/// Reading twice does no harm.
const READ_ATTEMPTS: u32 = 2;

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`, for one machine.
    Env(String),
    /// `secretsmanager:ID`, by name or ARN.
    SecretsManager(String),
}

/// The text is not repeated: somebody may have written the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a reference: write env:NAME or secretsmanager:ID, and never the secret itself")]
pub struct NotAReference;

impl FromStr for SecretRef {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
        let id = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte);
        match text.split_once(':') {
            Some(("env", rest)) if !rest.is_empty() && rest.bytes().all(name) => Ok(Self::Env(rest.to_owned())),
            Some(("secretsmanager", rest)) if (1..=2048).contains(&rest.len()) && rest.bytes().all(id) => {
                Ok(Self::SecretsManager(rest.to_owned()))
            }
            _ => Err(NotAReference),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::SecretsManager(id) => write!(f, "secretsmanager:{id}"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a secret could not be had: the reference and a word, never a part of its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{secret}: {problem}")]
pub struct SecretError {
    pub secret: String,
    pub problem: String,
}

impl SecretError {
    fn new(secret: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self { secret: secret.to_string(), problem: problem.to_string() }
    }
}

type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Reads secrets. A configuration without a reference to Secrets Manager asks it nothing.
#[derive(Clone)]
pub struct SecretReader {
    variables: Variables,
    manager: Arc<Aws>,
}

impl SecretReader {
    #[expect(clippy::disallowed_methods, reason = "`env:` names a variable")]
    pub fn new(environment: &Environment) -> Self {
        Self::with_variables(environment, |name| std::env::var(name).ok())
    }

    /// The same, with variables for `env:` that are not the process's own.
    pub fn with_variables(
        environment: &Environment,
        variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        // A signature is of now, whatever the time of a test.
        let signer = Signer::new(environment, Clock::system()).at(environment.endpoints.secrets_manager.clone());
        let manager = Aws::hurried(signer, ATTEMPT_WITHIN, READ_ATTEMPTS);
        Self { variables: Arc::new(variables), manager: Arc::new(manager) }
    }

    /// A secret that is one text, for whoever keeps it out of sight: it is shown to nobody here.
    pub async fn text(&self, secret: &SecretRef) -> Result<String, SecretError> {
        let mut values = self.read(secret).await?;
        match (values.pop().filter(|value| !value.trim().is_empty()), values.is_empty()) {
            (Some(value), true) => Ok(value),
            (None, true) => Err(SecretError::new(secret, "is empty")),
            _ => Err(SecretError::new(secret, "holds several secrets where there is one")),
        }
    }

    /// The rail's key: one, where a provider may have several.
    pub async fn rail_secret(&self, secret: &SecretRef) -> Result<RailSecret, SecretError> {
        let mut values = self.read(secret).await?;
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => RailSecret::new(value)
                .ok_or_else(|| SecretError::new(secret, "is empty, or holds anything but visible ASCII")),
            _ => Err(SecretError::new(secret, "holds several secrets; a rail has one")),
        }
    }

    async fn read(&self, secret: &SecretRef) -> Result<Vec<String>, SecretError> {
        let text = match secret {
            SecretRef::Env(name) => {
                (self.variables)(name).ok_or_else(|| SecretError::new(secret, "the variable is not set"))?
            }
            SecretRef::SecretsManager(id) => {
                let answer = self.manager.ask(&value_of(id)).await;
                let answer = answer.map_err(|error| SecretError::new(secret, word_for(error)))?;
                let text = answer["SecretString"].as_str();
                text.ok_or_else(|| SecretError::new(secret, "is binary; store a text"))?.to_owned()
            }
        };
        one_or_more(&text).map_err(|problem| SecretError::new(secret, problem))
    }
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
fn value_of(id: &str) -> Ask<'_> {
    let operation = Some(("1.1", "secretsmanager.GetSecretValue", json!({ "SecretId": id })));
    Ask { service: "secretsmanager", path: "/".to_owned(), operation }
}

/// The service's code, or what became of the request.
fn word_for(error: NoAnswer) -> String {
    match error {
        NoAnswer::Refused { code, .. } if !code.is_empty() => code,
        NoAnswer::Refused { status, .. } => format!("HTTP {status}"),
        NoAnswer::Silence(word) => format!("Secrets Manager does not answer ({word})"),
        error => error.to_string(),
    }
}

/// A JSON array of texts, or a text that is the secret itself.
fn one_or_more(text: &str) -> Result<Vec<String>, &'static str> {
    match text.trim_start().as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).map_err(|_| "begins like a JSON array of texts, and is none"),
        Some(b'{') => Err("is a JSON object; store the secret itself, or a JSON array of several"),
        _ => Ok(vec![text.to_owned()]),
    }
}

/// Where the signing secrets of one provider are kept, and what they look like.
pub struct SigningRefs {
    /// Where the references stand in the configuration.
    pub path: String,
    pub refs: Vec<SecretRef>,
    pub form: SecretForm,
}

impl SigningRefs {
    pub fn iter(&self) -> impl Iterator<Item = &SecretRef> {
        self.refs.iter()
    }
}

/// The signing secrets of one provider, as they were last read.
pub struct SecretSource {
    reader: SecretReader,
    refs: SigningRefs,
    current: RwLock<Arc<Secrets>>,
    /// Held while secrets are read, so that many failing deliveries read them once.
    last: Mutex<Reading>,
}

#[derive(Clone, Copy)]
struct Reading {
    /// Of the last try, whatever came of it.
    at: UnixMillis,
    /// Of the last one that brought secrets.
    good_at: UnixMillis,
    fingerprint: Digest,
    /// It brought other secrets than the reading before.
    changed: bool,
}

impl SecretSource {
    /// Reads every reference; one that fails, or that holds a secret that cannot work, is an error here, at start.
    pub async fn open(reader: SecretReader, refs: SigningRefs, now: UnixMillis) -> Result<Self, SecretError> {
        let Read { secrets, fingerprint, useless } = read(&reader, &refs).await?;
        if let Some(first) = useless.into_iter().next() {
            return Err(first);
        }
        let last = Mutex::new(Reading { at: now, good_at: now, fingerprint, changed: false });
        Ok(Self { reader, refs, current: RwLock::new(Arc::new(secrets)), last })
    }

    fn current(&self) -> Arc<Secrets> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Secrets to verify with. `None`: they could not be read again within the hour, and nothing can be verified.
    pub async fn trusted(&self, now: UnixMillis) -> Option<Arc<Secrets>> {
        let mut last = self.last.lock().await;
        if now.abs_diff(last.good_at) >= RENEW_AFTER_MS && now.abs_diff(last.at) >= REFRESH_EVERY_MS {
            self.read_again(&mut last, now).await;
        }
        (now.abs_diff(last.good_at) < TRUSTED_FOR_MS).then(|| self.current())
    }

    /// To be called after a signature failed. Secrets to try it with once more, when the last reading, which this may
    /// have been, brought other ones; `None` when there are no others. A failed reading keeps what was there, and
    /// counts.
    pub async fn refresh(&self, now: UnixMillis) -> Option<Arc<Secrets>> {
        let mut last = self.last.lock().await;
        if now.abs_diff(last.at) >= REFRESH_EVERY_MS {
            self.read_again(&mut last, now).await;
        }
        last.changed.then(|| self.current())
    }

    /// The last reading failed, and the one before that was due again: what is verified with is older than it should be. A reading that
    /// failed earlier, as a bad signature makes one each minute, says nothing yet: half an hour of trust or more is left.
    pub async fn is_stale(&self, now: UnixMillis) -> bool {
        let last = self.last.lock().await;
        last.at != last.good_at && now.abs_diff(last.good_at) >= RENEW_AFTER_MS
    }

    async fn read_again(&self, last: &mut Reading, now: UnixMillis) {
        // Before the reading: one that is given up counts, too.
        *last = Reading { at: now, changed: false, ..*last };
        match read(&self.reader, &self.refs).await {
            Ok(Read { secrets, fingerprint, useless }) => {
                for error in useless {
                    tracing::error!(%error, "a signing secret cannot work; those beside it are used");
                }
                let changed = fingerprint != last.fingerprint;
                *last = Reading { at: now, good_at: now, fingerprint, changed };
                if changed {
                    tracing::info!("the signing secrets have changed");
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(secrets);
                }
            }
            Err(error) => {
                let trusted_until = last.good_at.saturating_add(TRUSTED_FOR_MS);
                tracing::error!(%error, trusted_until, "the signing secrets could not be read again");
            }
        }
    }
}

/// What one reading brought.
struct Read {
    secrets: Secrets,
    fingerprint: Digest,
    /// Of the secrets that cannot work; they are not among the others.
    useless: Vec<SecretError>,
}

/// An error when there is nothing to verify with.
async fn read(reader: &SecretReader, refs: &SigningRefs) -> Result<Read, SecretError> {
    let (mut useful, mut useless) = (vec![], vec![]);
    for (index, secret) in refs.iter().enumerate() {
        let wrong = |problem| SecretError::new(format!("{secret} ({}[{index}])", refs.path), problem);
        for value in reader.read(secret).await.map_err(|error| wrong(error.problem))? {
            match refs.form.check(&value) {
                Ok(()) => useful.push(value),
                Err(problem) => useless.push(wrong(problem)),
            }
        }
    }
    if useful.is_empty() && !useless.is_empty() {
        return Err(useless.swap_remove(0));
    }
    let fingerprint = useful.iter().fold(Hasher::new("payonce/secrets/1"), |hasher, value| hasher.part(value)).finish();
    let secrets = Secrets::new(useful).map_err(|error| {
        let names: Vec<String> = refs.iter().map(ToString::to_string).collect();
        SecretError::new(format!("{} ({})", names.join(", "), refs.path), error)
    })?;
    Ok(Read { secrets, fingerprint, useless })
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
