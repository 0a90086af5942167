//! DynamoDB on this machine: an emulator in this process, served over HTTP on loopback, so that the functions speak to it
//! as they speak to AWS. The books look into it directly, past everything that payonce believes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use dynoxide::actions::create_table::StreamSpecification;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::update_table::UpdateTableRequest;
use dynoxide::{AttributeValue, Database};
use payonce_ledger::{is_case, is_claim};
use tokio::task::JoinHandle;

/// Items by their table.
pub type Backup = BTreeMap<String, Vec<dynoxide::Item>>;

pub struct Dynamo {
    address: SocketAddr,
    database: Database,
    serving: JoinHandle<()>,
}

impl Dynamo {
    /// In memory, or in a file that outlives the process.
    pub async fn start(port: u16, file: Option<&Path>) -> io::Result<Self> {
        let database = match file {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.map_err(failed)?;
        let listener = crate::listen(port).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        Ok(Self { address, database, serving })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, in streams: an export is made of them.
    pub fn keep_changes(&self, tables: &[&str]) -> io::Result<()> {
        for table in tables.iter().map(|table| (*table).to_owned()) {
            let named = ListStreamsRequest { table_name: Some(table.clone()), ..ListStreamsRequest::default() };
            if !self.database.list_streams(named).map_err(failed)?.streams.is_empty() {
                continue;
            }
            let both =
                StreamSpecification { stream_enabled: true, stream_view_type: Some("NEW_AND_OLD_IMAGES".to_owned()) };
            let request = UpdateTableRequest {
                table_name: table,
                stream_specification: Some(both),
                ..UpdateTableRequest::default()
            };
            self.database.update_table(request).map_err(failed)?;
        }
        Ok(())
    }

    /// Items in all tables together.
    pub fn items(&self) -> io::Result<u64> {
        let tables = self.database.table_stats().map_err(failed)?;
        Ok(tables.iter().map(|table| table.item_count.unsigned_abs()).sum())
    }

    /// Attempts of one table, by their claims.
    pub fn attempts(&self, table: &str) -> io::Result<usize> {
        let is_claimed = |item: &&dynoxide::Item| matches!(item.get("sk"), Some(AttributeValue::S(sk)) if is_claim(sk));
        // What people closed stands in a claim's place, and is no attempt.
        let is_no_attempt = |item: &&dynoxide::Item| item.contains_key("closing") || item.contains_key("barred_at");
        Ok(self.scan(table)?.iter().filter(is_claimed).filter(|item| !is_no_attempt(item)).count())
    }

    /// The ids of one table's cases.
    pub fn cases(&self, table: &str) -> io::Result<Vec<String>> {
        let text = |item: &dynoxide::Item, name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => Some(text.clone()),
            _ => None,
        };
        let items = self.scan(table)?;
        let found = items.iter().filter(|item| text(item, "sk").is_some_and(|sk| is_case(&sk)));
        Ok(found.filter_map(|item| text(item, "pk")).collect())
    }

    /// What stands in these tables now.
    pub fn backup(&self, tables: &[&str]) -> io::Result<Backup> {
        tables.iter().map(|table| Ok(((*table).to_owned(), self.scan(table)?))).collect()
    }

    /// Into tables that are there, under the same names and with ids of their own: what a restore does.
    pub fn put(&self, backup: &Backup) -> io::Result<()> {
        for (table, item) in backup.iter().flat_map(|(table, items)| items.iter().map(move |item| (table, item))) {
            let request = PutItemRequest { table_name: table.clone(), item: item.clone(), ..PutItemRequest::default() };
            self.database.put_item(request).map_err(failed)?;
        }
        Ok(())
    }

    fn scan(&self, table: &str) -> io::Result<Vec<dynoxide::Item>> {
        let (mut found, mut after) = (vec![], None);
        loop {
            let request =
                ScanRequest { table_name: table.to_owned(), exclusive_start_key: after, ..ScanRequest::default() };
            let page = self.database.scan(request).map_err(failed)?;
            found.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

fn failed(error: dynoxide::DynoxideError) -> io::Error {
    io::Error::other(error.to_string())
}

impl Drop for Dynamo {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
