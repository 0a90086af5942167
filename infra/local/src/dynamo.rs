//! DynamoDB on this machine: an emulator in this process, served over HTTP on loopback, so that the functions speak to it
//! as they speak to AWS.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use dynoxide::Database;
use tokio::task::JoinHandle;

pub struct Dynamo {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Dynamo {
    /// In memory, or in a file that outlives the process.
    pub async fn start(port: u16, file: Option<&Path>) -> io::Result<Self> {
        let database = match file {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.map_err(|error| io::Error::other(error.to_string()))?;
        let listener = crate::listen(port).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, serving: tokio::spawn(dynoxide::server::serve_on(listener, database)) })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Dynamo {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
