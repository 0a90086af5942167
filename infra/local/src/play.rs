//! The play: everything that providers, rails and bad luck do to a payout, on real deliveries, with a progress bar.

pub mod own;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use payonce_ledger::KeptRun;
use payonce_protocol::case::Ending;
use payonce_protocol::ids::CaseId;
use payonce_protocol::outcome::Reason;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::books::Fault;
use crate::dynamo::Backup;
use crate::hand::{ByHand, end_by_two};
use crate::restored::Restored;
use crate::samples::{OTHERS, Samples};
use crate::sandbox_rail::{Behaviour, Transfer, Weather};
use crate::sender::{Answered, Expected, Sender};
use crate::stack::{PROVIDER, SETTLE, Stack};

const PAYMENTS: usize = 40;
const STORM: usize = 64;
const DURING_OUTAGE: usize = 20;
const DURING_503: usize = 3;
const RETURNED: usize = 2;
/// Deliveries in all; more or fewer only make the bar jump.
const PLANNED: u64 = 369;
/// How often the sender comes back for a 5xx before it gives up.
const REDELIVERIES: usize = 5;
/// Until the rail has executed, and nobody was told.
const EXECUTED_WITHIN: Duration = Duration::from_secs(20);

/// Past the expiry of every claim, the margin and the first visit to its minute.
const SWEEP_AHEAD_MINUTES: u64 = 5;

const GOOD_PAYEE: &str = "acct_1SampleWorkshop";

/// What one scene did to the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    pub name: String,
    /// Deliveries by the status that answered them.
    pub answers: BTreeMap<u16, u64>,
    /// Payouts that the rail executed.
    pub paid: usize,
    /// Cases that were opened, by reason.
    pub cases: BTreeMap<&'static str, usize>,
}

/// What became of the play, beside what is in the books.
#[derive(Clone, Debug, Default)]
pub struct Played {
    pub scenes: Vec<Scene>,
    pub faults: Vec<(Fault, String)>,
    /// What the reconciler said in the end.
    pub reconciled: Option<KeptRun>,
}

/// Plays everything.
pub async fn play(stack: &Stack) -> io::Result<Played> {
    let bar = ProgressBar::new(PLANNED);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.green/dim} {pos:>3} deliveries  {msg}") {
        bar.set_style(style);
    }
    let samples = Samples::new(stack.clock.clone())?;
    let (played, before) = (Played::default(), Counted::of(stack).await?);
    let (payments, backup) = (vec![], Backup::new());
    let mut stage = Stage { stack, samples, bar, played, payments, backup, before };
    stage.play().await?;
    stage.bar.finish_and_clear();
    Ok(stage.played)
}

struct Stage<'a> {
    stack: &'a Stack,
    samples: Samples,
    bar: ProgressBar,
    played: Played,
    payments: Vec<Value>,
    /// When half of them were paid.
    backup: Backup,
    /// As the books stood when the last scene ended.
    before: Counted,
}

struct Counted {
    answers: BTreeMap<u16, u64>,
    paid: usize,
    cases: BTreeMap<&'static str, usize>,
}

impl Counted {
    async fn of(stack: &Stack) -> io::Result<Self> {
        Ok(Self {
            answers: stack.sender.answers(),
            paid: stack.rail.executed().len(),
            cases: stack.open_cases().await?,
        })
    }
}

impl Stage<'_> {
    async fn play(&mut self) -> io::Result<()> {
        self.bar.set_message("payments");
        self.payments().await?;
        self.storm().await?;
        self.ended(&format!("one event, {STORM} copies at once")).await?;

        self.charges().await?;
        self.ended("a charge with its own group, one without").await?;

        self.bar.set_message("forged");
        self.forged().await?;
        self.ended("forged, four ways").await?;
        self.conflicting().await?;
        self.ended("another sum, another event").await?;
        self.unrouted().await?;
        self.ended("a type without a rule, an ignored one").await?;
        self.malformed().await?;
        self.ended("signed, and not to be paid").await?;

        self.given_back().await?;
        self.ended("refunded first, disputed afterwards").await?;

        self.bar.set_message("two people, who pay by hand");
        self.paid_by_hand().await?;
        self.ended("ended by two people and paid by hand, then sent again").await?;

        self.bar.set_message("every other provider");
        self.others().await?;

        for (payee, behaviour) in Behaviour::SANDBOX {
            self.bar.set_message(format!("a rail that {}", behaviour.in_words()));
            let event = self.samples.payment(&payee["acct_".len()..], payee);
            self.until_taken(&event).await?;
            self.ended(&format!("rail {}", behaviour.in_words())).await?;
        }
        self.bar.set_message("a rail that answers 503");
        self.unavailable().await?;
        self.ended("rail answers 503 for a while").await?;
        self.bar.set_message("a rail that is down");
        self.outage().await?;
        self.ended("rail down for a while, then back").await?;
        self.bar.set_message("a function that dies while it pays");
        self.dies_while_paying().await?;
        self.ended("function dies while it pays").await?;

        self.bar.set_message("tables that were restored");
        self.restored().await?;

        self.bar.set_message("the sweeper, as if some minutes had passed");
        self.stack.sweep_as_if_in(SWEEP_AHEAD_MINUTES).await?;
        self.ended(&format!("sweeper, its clock {SWEEP_AHEAD_MINUTES} minutes ahead")).await?;

        self.bar.set_message("a rail that gives payouts back, and the books");
        self.reconciled().await?;
        self.ended(&format!("{RETURNED} payouts came back unsaid, then the reconciler")).await
    }

    /// Nobody tells of it: only the rail's own book does.
    async fn reconciled(&mut self) -> io::Result<()> {
        let keys = self.payments.iter().take(RETURNED).filter_map(|event| match Samples::payout(event) {
            Expected::Payout(payout) => Some(payout.key),
            _ => None,
        });
        for key in keys {
            let returned = |paid: Transfer| Some(Transfer { amount_reversed: paid.amount, ..paid });
            if !self.stack.rail.change(&key, returned) {
                self.played.faults.push((Fault::Lost, key));
            }
        }
        tokio::time::sleep(Duration::from_millis(SETTLE.rail_ms)).await;
        self.played.reconciled = self.stack.reconcile().await?;
        Ok(())
    }

    /// Notes what changed since the last scene ended.
    async fn ended(&mut self, name: &str) -> io::Result<()> {
        let now = Counted::of(self.stack).await?;
        self.played.scenes.push(Scene {
            name: name.to_owned(),
            answers: grown(&self.before.answers, &now.answers, |after, before| after - before),
            paid: now.paid - self.before.paid,
            cases: grown(&self.before.cases, &now.cases, |after, before| after - before),
        });
        self.before = now;
        Ok(())
    }

    async fn deliver(&self, event: &Value, expected: Expected) -> io::Result<Answered> {
        let answered = self.stack.sender.deliver(event, expected).await;
        self.bar.inc(1);
        answered
    }

    /// As a provider does: again, until it is answered 2xx.
    async fn until_taken(&self, event: &Value) -> io::Result<()> {
        for _ in 0..=REDELIVERIES {
            if self.deliver(event, Samples::payout(event)).await?.is_success() {
                break;
            }
        }
        Ok(())
    }

    async fn payments(&mut self) -> io::Result<()> {
        let events: Vec<Value> =
            (0..PAYMENTS).map(|number| self.samples.payment(&format!("pay{number:03}"), GOOD_PAYEE)).collect();
        for (number, event) in events.iter().enumerate() {
            if number == PAYMENTS / 2 {
                self.backup = self.stack.backup()?;
            }
            self.deliver(event, Samples::payout(event)).await?;
        }
        self.ended("payments").await?;
        for event in &events {
            let mut again = event.clone();
            again["pending_webhooks"] = 0.into();
            self.deliver(&again, Samples::payout(&again)).await?;
        }
        self.payments = events;
        self.ended("the same again, as providers do").await
    }

    /// The tables as they were when half was paid, beside the rail as it is: nothing is paid before a person releases them,
    /// and nothing twice afterwards. What they hold is not counted in the books.
    async fn restored(&mut self) -> io::Result<()> {
        let failed = |error| io::Error::other(format!("the restored tables: {error}"));
        let mut restored = Restored::start(self.stack, &self.backup).await.map_err(failed)?;
        for (name, half_of_them) in [("before a person releases", 503), ("after", 200)] {
            if half_of_them == 200 {
                restored.release(self.stack).await.map_err(failed)?;
            }
            let answers = restored.redeliver(&self.payments).await.map_err(failed)?;
            self.bar.inc(self.payments.len() as u64);
            let known = answers.get(&half_of_them).copied().unwrap_or_default();
            let paid = self.stack.rail.executed().len() - self.before.paid;
            if known < (PAYMENTS / 2) as u64 || paid > 0 {
                self.played.faults.push((Fault::PaidTwice, format!("{paid} out of restored tables, {name}")));
            }
            let name = format!("half the books restored, {name}");
            self.played.scenes.push(Scene { name, answers, paid, cases: BTreeMap::new() });
        }
        Ok(())
    }

    async fn storm(&self) -> io::Result<()> {
        let event = Arc::new(self.samples.payment("storm", GOOD_PAYEE));
        let mut copies = JoinSet::new();
        for _ in 0..STORM {
            let (sender, event): (Arc<Sender>, _) = (self.stack.sender.clone(), event.clone());
            copies.spawn(async move { sender.deliver(&event, Samples::payout(&event)).await });
        }
        while let Some(copy) = copies.join_next().await {
            copy.map_err(io::Error::other)??;
            self.bar.inc(1);
        }
        Ok(())
    }

    /// The rail gives a transfer the group of its charge; a payout is known by our own metadata, and confirmed all the same.
    async fn charges(&mut self) -> io::Result<()> {
        let own = self.samples.payment_in_group("ownGroup", GOOD_PAYEE, "ORDER95");
        let plain = self.samples.payment("noGroup", GOOD_PAYEE);
        for event in [&own, &plain] {
            self.deliver(event, Samples::payout(event)).await?;
        }
        let executed = self.stack.rail.executed();
        for (event, group) in [(&own, "ORDER95".to_owned()), (&plain, format!("group_pi_{}noGroup", self.samples.run))]
        {
            let Expected::Payout(payout) = Samples::payout(event) else { continue };
            let has_it =
                |paid: &&Transfer| paid.payout_key() == payout.key && paid.transfer_group.as_deref() == Some(&group);
            if executed.iter().filter(has_it).count() != 1 {
                self.played.faults.push((Fault::OtherTerms, payout.key));
            }
        }
        Ok(())
    }

    /// These are not signed: they are not on the sender's list, and must leave no trace.
    async fn forged(&mut self) -> io::Result<()> {
        let (sender, now) = (&self.stack.sender, self.stack.clock.now());
        let body = self.samples.payment("forged", GOOD_PAYEE).to_string();
        let raised = body.replacen("4200", "9200", 1);
        let forgeries = [
            (&raised, sender.sign_at(body.as_bytes(), now)?),
            (&body, vec![]),
            (&body, sender.sign_as("whsec_guessed", body.as_bytes(), now)?),
            (&body, sender.sign_at(body.as_bytes(), now - 3_600_000)?),
        ];
        let traces = || Ok::<_, io::Error>((self.stack.dynamo.items()?, self.stack.rail.requests().len()));
        let before = traces()?;
        for (body, headers) in forgeries {
            sender.post(body.as_bytes(), headers).await?;
            self.bar.inc(1);
        }
        if traces()? != before {
            self.played.faults.push((Fault::Trace, "tables or rail".to_owned()));
        }
        Ok(())
    }

    /// Each of the other providers: a payment, the same again, and one byte of it changed.
    async fn others(&mut self) -> io::Result<()> {
        let sender = self.stack.sender.clone();
        for again in [false, true] {
            for sample in OTHERS {
                let (body, sent) = sample.made(&self.samples.run, self.samples.began);
                sender.deliver_from(sample.provider, body.as_bytes(), sent).await?;
                self.bar.inc(1);
            }
            let what = if again { "the same again" } else { "payments" };
            self.ended(&format!("{} more providers: {what}", OTHERS.len())).await?;
        }
        for sample in OTHERS {
            let (body, _) = sample.made(&self.samples.run, self.samples.began);
            let (mut body, headers) = sender.signed(sample.provider, body.as_bytes())?;
            // Within a run of digits or letters that every sample signs.
            let place = String::from_utf8_lossy(&body).find(&self.samples.run).unwrap_or_default();
            body[place] = if body[place] == b'0' { b'1' } else { b'0' };
            sender.post_to(sample.provider, &body, headers).await?;
            self.bar.inc(1);
        }
        self.ended(&format!("{} more providers: one byte changed", OTHERS.len())).await
    }

    async fn conflicting(&self) -> io::Result<()> {
        let event = self.samples.payment("conflict", GOOD_PAYEE);
        self.deliver(&event, Samples::payout(&event)).await?;

        let mut other_sum = event.clone();
        other_sum["data"]["object"]["amount_received"] = 9900.into();
        let id = event["id"].as_str().unwrap_or_default();
        let expected = Expected::Case(Reason::ConflictingDuplicate.to_string());
        let (name, about) = (format!("{id}, another sum"), vec![id.to_owned()]);
        self.stack.sender.deliver_bytes(&name, other_sum.to_string().as_bytes(), about, expected).await?;
        self.bar.inc(1);

        let mut other_event = event.clone();
        other_event["id"] = format!("{id}second").into();
        for _ in 0..2 {
            self.deliver(&other_event, Expected::Case(Reason::SecondEventForKey.to_string())).await?;
        }
        Ok(())
    }

    async fn unrouted(&self) -> io::Result<()> {
        for number in 0..3 {
            let event = self.samples.unrouted(&format!("unrouted{number}"));
            self.deliver(&event, Expected::Case(Reason::UnroutedEvent.to_string())).await?;
        }
        for number in 0..2 {
            self.deliver(&self.samples.ignored(&format!("ignored{number}")), Expected::Nothing).await?;
        }
        Ok(())
    }

    /// Signed, and yet nothing that may be paid.
    async fn malformed(&self) -> io::Result<()> {
        let wrong: [(&str, &str, Value); 8] = [
            ("noAmount", "/data/object/amount_received", Value::Null),
            ("zero", "/data/object/amount_received", json!(0)),
            ("fraction", "/data/object/amount_received", json!(42.5)),
            ("negative", "/data/object/amount_received", json!(-4200)),
            ("tooMuch", "/data/object/amount_received", json!(100_000_000)),
            ("currency", "/data/object/currency", json!("xau")),
            ("payee", "/data/object/metadata/payee", json!("acct_1/../refunds")),
            ("live", "/livemode", json!(true)),
        ];
        let invalid = || Expected::Case(Reason::InvalidEvent.to_string());
        for (name, pointer, value) in wrong {
            let mut event = self.samples.payment(name, GOOD_PAYEE);
            if let Some(place) = event.pointer_mut(pointer) {
                *place = value;
            }
            self.deliver(&event, invalid()).await?;
        }
        let name = format!("no JSON, {}", self.samples.run);
        let body = format!("<event>{name}</event>");
        self.stack.sender.deliver_bytes(&name, body.as_bytes(), vec![], invalid()).await?;
        self.bar.inc(1);
        Ok(())
    }

    /// What was refunded before its payment was heard of is not paid out; what was disputed afterwards is a case.
    async fn given_back(&self) -> io::Result<()> {
        let (first, afterwards) =
            (self.samples.payment("refunded", GOOD_PAYEE), self.samples.payment("disputed", GOOD_PAYEE));
        let refund = self.samples.refund("refund", &first);
        let mut dispute = self.samples.refund("dispute", &afterwards);
        dispute["type"] = "charge.dispute.created".into();
        for _ in 0..2 {
            self.deliver(&refund, Expected::Nothing).await?;
            self.deliver(&first, Expected::Case(Reason::BlockedBeforePayout.to_string())).await?;
            self.deliver(&afterwards, Samples::payout(&afterwards)).await?;
            self.deliver(&dispute, Expected::Case(Reason::BlockedAfterPayout.to_string())).await?;
        }
        Ok(())
    }

    /// An event that no rule allows. Two people end its case and pay by hand; then its sender mends it and sends it again. What
    /// people decided binds: nothing is paid, and a case says that it came.
    async fn paid_by_hand(&self) -> io::Result<()> {
        let mended = self.samples.payment("byhand", GOOD_PAYEE);
        let mut event = mended.clone();
        event["data"]["object"]["amount_received"] = Value::Null;
        self.deliver(&event, Expected::Case(Reason::InvalidEvent.to_string())).await?;
        let id = event["id"].as_str().unwrap_or_default();
        let case = CaseId::new(Reason::InvalidEvent, &[PROVIDER, id]);
        end_by_two(self.stack, &case, Ending::PaidElsewhere).await?;
        if let Expected::Payout(payout) = Samples::payout(&mended) {
            self.stack.by_hand.pay(ByHand { event: id.to_owned(), payout })?;
        }
        let expected = Expected::Case(Reason::ConflictingDuplicate.to_string());
        let (name, about) = (format!("{id}, mended"), vec![id.to_owned()]);
        for _ in 0..2 {
            let body = mended.to_string();
            self.stack.sender.deliver_bytes(&name, body.as_bytes(), about.clone(), expected.clone()).await?;
            self.bar.inc(1);
        }
        Ok(())
    }

    /// The connection stands and the request leaves: a 503 of the rail's says nothing certain.
    async fn unavailable(&self) -> io::Result<()> {
        self.stack.rail.set_weather(Weather::Unavailable).await;
        for number in 0..DURING_503 {
            self.until_taken(&self.samples.payment(&format!("rail503{number}"), GOOD_PAYEE)).await?;
        }
        self.stack.rail.set_weather(Weather::Fair).await;
        Ok(())
    }

    /// Nobody can connect: nothing is claimed, and the provider's patience is the buffer.
    async fn outage(&self) -> io::Result<()> {
        let events: Vec<Value> =
            (0..DURING_OUTAGE).map(|number| self.samples.payment(&format!("outage{number:03}"), GOOD_PAYEE)).collect();
        self.stack.rail.set_weather(Weather::Down).await;
        let mut to_come_again = vec![];
        for event in &events {
            if !self.deliver(event, Samples::payout(event)).await?.is_success() {
                to_come_again.push(event);
            }
        }
        self.stack.rail.set_weather(Weather::Fair).await;
        for event in to_come_again {
            self.until_taken(event).await?;
        }
        Ok(())
    }

    /// The rail executes and does not answer; the function is ended there. The provider sees a 502 and comes back.
    async fn dies_while_paying(&self) -> io::Result<()> {
        let event = self.samples.payment("dies", "acct_sandboxExecutesThenHangs");
        let delivery = tokio::spawn({
            let (sender, event) = (self.stack.sender.clone(), event.clone());
            async move { sender.deliver(&event, Samples::payout(&event)).await }
        });
        let executed = async {
            while self.stack.rail.executed().len() == self.before.paid {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Past it, the delivery was answered on its own, and the books will say how.
        let _ = tokio::time::timeout(EXECUTED_WITHIN, executed).await;
        self.stack.front.kill_functions();
        delivery.await.map_err(io::Error::other)??;
        self.bar.inc(1);
        self.until_taken(&event).await
    }
}

/// What was added to each count.
fn grown<K: Copy + Ord, V: Copy + PartialEq + Default>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    minus: impl Fn(V, V) -> V,
) -> BTreeMap<K, V> {
    let grown = after.iter().map(|(key, count)| (*key, minus(*count, before.get(key).copied().unwrap_or_default())));
    grown.filter(|(_, count)| *count != V::default()).collect()
}
