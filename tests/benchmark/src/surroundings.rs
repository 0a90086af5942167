//! What the function works with: the sandbox's configuration with all of its providers, and deliveries as API Gateway hands
//! them over.

use std::ops::Deref;

use payonce_local::samples::Samples;
use payonce_local::stack::{CONFIG, PROVIDER, sandbox_secret, sandbox_secrets, secret_of};
use payonce_runtime::clock::Clock;
use payonce_runtime_api_tests::World;
use payonce_suite::dynamo;

const PAYEE: &str = "acct_1SampleWorkshop";
/// Where the sandbox's configuration says that the rail is.
pub const RAIL_IN_CONFIG: &str = "http://127.0.0.1:4243";

pub struct Surroundings {
    world: World,
    samples: Samples,
    pub secret: String,
}

/// The tables and the rail are used as if they were its own.
impl Deref for Surroundings {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Surroundings {
    pub fn start() -> Self {
        Self::start_with(config_for)
    }

    /// With another configuration than the sandbox's.
    pub fn start_with(config_for: impl FnOnce(&str) -> String) -> Self {
        let secrets = ["PAYONCE_SANDBOX_RAIL", "PAYONCE_SANDBOX_RAIL_LOOKUP"].map(|name| sandbox_secret(name).unwrap());
        let world = World::start(secrets.each_ref().map(String::as_str), config_for);
        world.proxy.remember_nothing();
        world.proxy.remember_descriptions();
        // While they are empty.
        world.runtime.block_on(dynamo::ledger(&world.proxy.url(), &world.tables).table_ids()).unwrap();
        let secret = sandbox_secret(&secret_of(PROVIDER)).unwrap();
        Self { world, samples: Samples::new(Clock::system()).unwrap(), secret }
    }

    /// For a webhook of the provider, and for the sweeper, which has none.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.world
            .environment(sandbox_secrets().into_iter().chain([("PAYONCE_PROVIDER".to_owned(), PROVIDER.to_owned())]))
    }

    /// The body of the payment of this number.
    pub fn payment(&self, number: usize) -> String {
        self.samples.payment(&number.to_string(), PAYEE).to_string()
    }

    /// What API Gateway hands over for this body, signed now; a forged one was changed after that.
    pub fn payload(&self, body: &str, forged: bool) -> String {
        let sent = if forged { body.replace("eur", "usd") } else { body.to_owned() };
        self.world.forged(PROVIDER, &self.secret, body, &sent)
    }

    /// Payouts that the rail has executed.
    pub fn paid(&self) -> usize {
        self.rail.executed().len()
    }
}

/// The sandbox's configuration, whose rail is at this address.
pub fn config_for(rail: &str) -> String {
    CONFIG.replace(RAIL_IN_CONFIG, rail)
}
