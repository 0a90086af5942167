//! Somebody's own samples, played: each is sent, sent again, and sent with a signature of another secret. What must come of
//! an event is read from the configuration itself, as nobody else knows it; the books then hold it against the rail's ledger
//! and the tables.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderMap;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_providers::{ParsedEvent, Provider, Secrets};
use serde_json::Value;

use super::{Counted, Played, REDELIVERIES, SWEEP_AHEAD_MINUTES, Scene, grown};
use crate::books::Fault;
use crate::foreseen::{Foreseen, barred};
use crate::sender::{Expected, Payout, Sent};
use crate::stack::{SETTLE, Stack};

/// An event that is older bears the present time when it is sent: it was taken some time ago, and its age is not what is tried.
const OLD_MS: u64 = 3_600_000;

/// The files of one provider.
#[derive(Debug)]
pub struct Samples {
    provider: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// `DIR/PROVIDER/*.json`, of the providers that there are.
pub fn read(directory: &Path, providers: &[&str]) -> Result<Vec<Samples>, String> {
    let mut samples = vec![];
    for folder in listed(directory)? {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if folder.is_file() && name.ends_with(".json") {
            return Err(format!("{}: put it into a folder with the name of its provider", folder.display()));
        }
        if !folder.is_dir() || name.starts_with('.') {
            continue;
        }
        if !providers.contains(&name.as_str()) {
            let known = providers.join(", ");
            return Err(format!("{}: no provider {name} in the configuration; there is {known}", folder.display()));
        }
        let mut files = vec![];
        for path in listed(&folder)?.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "json")) {
            let body = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            // The body that a webhook gets is JSON, and nothing around it.
            serde_json::from_slice::<Value>(&body).map_err(|error| format!("{}: no JSON: {error}", path.display()))?;
            files.push((path, body));
        }
        samples.extend((!files.is_empty()).then_some(Samples { provider: name, files }));
    }
    match samples.is_empty() {
        true => Err(format!("{}: there is no PROVIDER/*.json in it", directory.display())),
        false => Ok(samples),
    }
}

fn listed(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: io::Error| format!("{}: {error}", directory.display());
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Plays them all; how many were given the present time.
pub async fn play(stack: &Stack, samples: &[Samples], as_written: bool) -> io::Result<(Played, usize)> {
    let (mut played, mut retimed) = (Played::default(), 0);
    let mut before = Counted::of(stack).await?;
    for Samples { provider, files } in samples {
        let (signing, secrets) = stack.signer(provider).await.map_err(io::Error::other)?;
        let mut ready = vec![];
        for (path, body) in files {
            let renewed = signing.retimed(body, stack.clock.now(), OLD_MS).filter(|_| !as_written);
            retimed += usize::from(renewed.is_some());
            ready.push((path, renewed.unwrap_or_else(|| body.clone())));
        }
        let mut claimed = claimed(stack);
        for name in ["samples", "the same again"] {
            for (path, body) in &ready {
                let sent = expected(stack, &signing, &secrets, path, body, &mut claimed)?;
                for _ in 0..=REDELIVERIES {
                    if stack.sender.deliver_from(provider, body, sent.clone()).await?.is_success() {
                        break;
                    }
                }
            }
            ended(stack, &mut played, &mut before, format!("{provider}: {name}")).await?;
        }
        forged(stack, &mut played, &signing, &ready).await?;
        ended(stack, &mut played, &mut before, format!("{provider}: signed by somebody else")).await?;
    }
    stack.sweep_as_if_in(SWEEP_AHEAD_MINUTES).await?;
    let name = format!("sweeper, its clock {SWEEP_AHEAD_MINUTES} minutes ahead");
    ended(stack, &mut played, &mut before, name).await?;
    tokio::time::sleep(Duration::from_millis(SETTLE.rail_ms)).await;
    played.reconciled = stack.reconcile().await?;
    ended(stack, &mut played, &mut before, "reconciler".to_owned()).await?;
    Ok((played, retimed))
}

async fn ended(stack: &Stack, played: &mut Played, before: &mut Counted, name: String) -> io::Result<()> {
    let now = Counted::of(stack).await?;
    played.scenes.push(Scene {
        name,
        answers: grown(&before.answers, &now.answers, |after, before| after - before),
        paid: now.paid - before.paid,
        cases: grown(&before.cases, &now.cases, |after, before| after.saturating_sub(before)),
    });
    *before = now;
    Ok(())
}

/// With a secret of the same form that nobody configured: it must leave no trace.
async fn forged(
    stack: &Stack,
    played: &mut Played,
    signing: &Provider,
    ready: &[(&PathBuf, Vec<u8>)],
) -> io::Result<()> {
    let secrets = Secrets::new(vec![signing.made_secret("somebody else")]).map_err(io::Error::other)?;
    let traces = || Ok::<_, io::Error>((stack.dynamo.items()?, stack.rail.requests().len()));
    let before = traces()?;
    for (_, body) in ready {
        let body = signing.seal(&secrets, body).into_owned();
        let headers = signing.sign(&secrets, &body, stack.clock.now());
        stack.sender.post_to(signing.name(), &body, headers).await?;
    }
    if traces()? != before {
        played.faults.push((Fault::Trace, format!("{}, signed by somebody else", signing.name())));
    }
    Ok(())
}

/// The event and terms that first asked for each payout key.
type Claimed = BTreeMap<String, (String, Payout)>;

fn claimed(stack: &Stack) -> Claimed {
    let asked = stack.sender.sent().into_iter().filter_map(|sent| {
        let payout = sent.payout()?.clone();
        Some((payout.key.clone(), (sent.name, payout)))
    });
    asked.collect()
}

/// What must come of each event of this body.
fn expected(
    stack: &Stack,
    provider: &Provider,
    secrets: &Secrets,
    path: &Path,
    body: &[u8],
    claimed: &mut Claimed,
) -> io::Result<Vec<Sent>> {
    let now = stack.clock.now();
    let sealed = provider.seal(secrets, body);
    let headers: HeaderMap = provider.sign(secrets, &sealed, now).into_iter().collect();
    let file = path.display();
    let verified = provider.verify(secrets, &headers, &sealed, now).map_err(|refused| {
        io::Error::other(format!("{file}: it cannot be signed as {}: {refused}", provider.name()))
    })?;
    let digest = Digest::of(&sealed).to_string();
    let unreadable = |about: Vec<String>| Sent {
        name: format!("{file} {}", about[0]),
        about,
        expected: Expected::Case(Reason::InvalidEvent.to_string()),
        acknowledged: false,
    };
    let events = match provider.events(&verified) {
        Ok(events) => events,
        Err(_) => return Ok(vec![unreadable(vec![digest])]),
    };
    let barred = barred(provider, stack.rail_of_functions(), events.iter().flatten());
    let sent = events.into_iter().map(|event| match event {
        Ok(event) => of_event(stack, provider, (&event, &barred), path, &digest, claimed),
        Err(misfit) => unreadable(vec![misfit.item.to_string(), digest.clone()]),
    });
    Ok(sent.collect())
}

fn of_event(
    stack: &Stack,
    provider: &Provider,
    (event, barred): (&ParsedEvent, &[PayoutKey]),
    path: &Path,
    digest: &str,
    claimed: &mut Claimed,
) -> Sent {
    let mut name = format!("{}/{}", provider.name(), event.id);
    let mut about = vec![event.id.to_string(), digest.to_owned()];
    let expected = match Foreseen::of(provider, stack.rail_of_functions(), event, stack.clock.now(), barred) {
        Foreseen::Nothing(_) | Foreseen::Bars(_) => Expected::Nothing,
        Foreseen::Case(misfit) => {
            about.extend(misfit.shared.into_iter().flatten().skip(1));
            Expected::Case(misfit.reason.to_string())
        }
        Foreseen::Pays { order, prepared } => {
            let payout = Payout {
                key: order.key.to_string(),
                amount: prepared.money().minor(),
                currency: prepared.money().currency().as_str().to_ascii_lowercase(),
                payee: order.destination.to_string(),
            };
            let (first, terms) = claimed.entry(payout.key.clone()).or_insert_with(|| (name.clone(), payout.clone()));
            if *first != name {
                Expected::Case(Reason::SecondEventForKey.to_string())
            } else if *terms != payout {
                name = format!("{name}, {}", path.display());
                Expected::Case(Reason::ConflictingDuplicate.to_string())
            } else {
                Expected::Payout(payout)
            }
        }
    };
    Sent { name, about, expected, acknowledged: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_samples_is_refused_with_what_is_wrong_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let read = || read(folder.path(), &["shop", "bank"]).unwrap_err();
        assert!(read().ends_with("there is no PROVIDER/*.json in it"));
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        assert!(read().ends_with("there is no PROVIDER/*.json in it"));
        std::fs::write(folder.path().join("shop/paid.json"), "{ \"id\": }").unwrap();
        assert!(read().contains("shop/paid.json: no JSON: "), "{}", read());
        std::fs::create_dir(folder.path().join("shopp")).unwrap();
        std::fs::write(folder.path().join("shop/paid.json"), "{}").unwrap();
        assert!(read().contains("no provider shopp in the configuration; there is shop, bank"), "{}", read());
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        assert!(read().contains("a.json: put it into a folder"), "{}", read());
    }
}
