//! DynamoDB on this machine: an emulator in this process, served over HTTP on loopback, so that the functions speak to it
//! as they speak to AWS. The books look into it directly, past everything that payonce believes.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database};
use tokio::task::JoinHandle;

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

    /// Items in all tables together.
    pub fn items(&self) -> io::Result<u64> {
        let tables = self.database.table_stats().map_err(failed)?;
        Ok(tables.iter().map(|table| table.item_count.unsigned_abs()).sum())
    }

    /// Items of one table whose sort key ends so.
    pub fn count(&self, table: &str, sort_key_ends: &str) -> io::Result<usize> {
        let mut counted = 0;
        let mut after = None;
        loop {
            let request =
                ScanRequest { table_name: table.to_owned(), exclusive_start_key: after, ..ScanRequest::default() };
            let page = self.database.scan(request).map_err(failed)?;
            let ends_so = |item: &&dynoxide::Item| matches!(item.get("sk"), Some(AttributeValue::S(sk)) if sk.ends_with(sort_key_ends));
            counted += page.items.unwrap_or_default().iter().filter(ends_so).count();
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(counted);
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
