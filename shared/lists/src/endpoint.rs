//! The address at which Stripe sends, by its own word: <https://docs.stripe.com/api/webhook_endpoints/list>. One that was switched off,
//! or takes no event of a type that a rule names, sends nothing; and what does not come leaves no trace here.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use payonce_wire::Form;
use serde::Deserialize;

use crate::book::Gap;
use crate::list::ProviderList;

const PATH: &str = "/v1/webhook_endpoints";
/// An account has at most 16 (<https://docs.stripe.com/webhooks>), a platform's two kinds together.
const PAGES_AT_MOST: usize = 5;
const EVERY_TYPE: &str = "*";

/// Why events do not come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotSent {
    /// The provider sends to other addresses, or to none.
    NotRegistered,
    Disabled,
    /// No enabled endpoint of this address takes this type.
    Type(String),
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegistered => f.write_str("it knows no endpoint of this address"),
            Self::Disabled => f.write_str("its endpoint of this address is disabled"),
            Self::Type(name) => write!(f, "its endpoint of this address takes no {name}"),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Endpoint>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Endpoint {
    id: String,
    url: String,
    status: String,
    enabled_events: Vec<String>,
}

impl ProviderList {
    /// Why events of these types do not come; nothing, where they are sent. `None`: the configuration names no address to look for.
    pub async fn not_sent(&self, types: &BTreeSet<String>, within: Duration) -> Option<Result<Vec<NotSent>, Gap>> {
        let address = self.endpoint.as_deref()?;
        Some(self.endpoints(within).await.map(|all| judged(all, address, types)))
    }

    async fn endpoints(&self, within: Duration) -> Result<Vec<Endpoint>, Gap> {
        self.check_account(within).await?;
        let mut all: Vec<Endpoint> = vec![];
        for _ in 0..PAGES_AT_MOST {
            let mut form = Form::default();
            form.field("limit", "100");
            if let Some(last) = all.last() {
                form.field("starting_after", &last.id);
            }
            let request = self.get(form.behind(PATH)).ok_or(Gap::Unreadable)?;
            let answer = self.ask(request, within).await?;
            let page: Page = serde_json::from_slice(answer.body()).map_err(|_| Gap::Unreadable)?;
            let is_last = !page.has_more;
            if page.data.is_empty() && !is_last {
                return Err(Gap::Circle);
            }
            all.extend(page.data);
            if is_last {
                return Ok(all);
            }
        }
        Err(Gap::TooLong(PAGES_AT_MOST))
    }
}

fn judged(all: Vec<Endpoint>, address: &str, types: &BTreeSet<String>) -> Vec<NotSent> {
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    let ours: Vec<Endpoint> = all.into_iter().filter(|endpoint| plain(&endpoint.url) == plain(address)).collect();
    if ours.is_empty() {
        return vec![NotSent::NotRegistered];
    }
    let enabled: Vec<&Endpoint> = ours.iter().filter(|endpoint| endpoint.status == "enabled").collect();
    if enabled.is_empty() {
        return vec![NotSent::Disabled];
    }
    let takes = |name: &String| {
        enabled.iter().any(|endpoint| endpoint.enabled_events.iter().any(|taken| taken == name || taken == EVERY_TYPE))
    };
    types.iter().filter(|name| !takes(name)).cloned().map(NotSent::Type).collect()
}
