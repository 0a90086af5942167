//! The same surroundings for each of them: one engine of DynamoDB, one rail, one sender, all of them this process.

use std::ops::Deref;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use payonce_local::stack::CONFIG;
use payonce_suite::faults::Proxy;

use crate::surroundings::{Surroundings, config_for};

/// What a rival keeps its records in, as its documentation asks for.
pub const TABLE: &str = "rival-idempotency";

/// How long each of them waits for the rail: the sandbox's configuration says so to payonce.
pub const RAIL_TIMEOUT_MS: u64 = 1_000;

pub struct Stage {
    around: Surroundings,
    /// Where the contestants find the tables.
    pub tables_url: String,
    pub rail_url: String,
    /// Before the rail, where faults are made.
    pub before_rail: Proxy,
}

impl Deref for Stage {
    type Target = Surroundings;

    fn deref(&self) -> &Surroundings {
        &self.around
    }
}

impl Stage {
    /// Straight to the engine and to the rail: for what is measured in time.
    pub fn straight() -> Self {
        let mut stage = Self::through_proxies();
        stage.tables_url = stage.engine.url();
        stage.rail_url = stage.rail.url();
        stage.write_config(&config(&stage.rail_url));
        stage
    }

    /// Through proxies that count, and make faults.
    pub fn through_proxies() -> Self {
        let around = Surroundings::start_with(config);
        around.runtime.block_on(create_table(&around.engine.client()));
        let before_rail = Proxy::before(around.rail.url().trim_start_matches("http://").parse().unwrap());
        let (tables_url, rail_url) = (around.proxy.url(), before_rail.url());
        around.write_config(&config(&rail_url));
        Self { around, tables_url, rail_url, before_rail }
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.around.environment();
        environment.push(("AWS_ENDPOINT_URL".to_owned(), self.tables_url.clone()));
        environment
    }

    /// Time passes for a rival's records: each is as if it had been written so much earlier. Nobody's clock is touched.
    pub fn age_records(&self, seconds: i64) {
        let client = self.engine.client();
        self.runtime.block_on(async {
            for mut item in client.scan().table_name(TABLE).send().await.unwrap().items.unwrap_or_default() {
                for (name, a_second) in [("expiration", 1), ("in_progress_expiration", 1_000)] {
                    if let Some(AttributeValue::N(number)) = item.get_mut(name) {
                        *number = (number.parse::<i64>().unwrap() - seconds * a_second).to_string();
                    }
                }
                client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
            }
        });
    }
}

/// The sandbox's, but no payout names the charge that it is made from: a rail that knows the charge refuses a second payout by
/// itself, and what is compared is what the functions do.
fn config(rail: &str) -> String {
    let charge = "rail_fields = { source_transaction = \"/data/object/latest_charge\" }";
    assert!(CONFIG.contains(charge), "the sandbox's configuration has changed");
    assert!(CONFIG.contains(&format!("payout_ms = {RAIL_TIMEOUT_MS} ")), "the sandbox waits longer than the rivals");
    config_for(rail).replace(charge, "")
}

/// <https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/#required-resources>
async fn create_table(client: &aws_sdk_dynamodb::Client) {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let id =
        AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build().unwrap();
    let create = client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(id);
    create.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
}
