//! `payonce export`: what changed in the tables of the stack that is up, in the files that `aws dynamodb export-table-to-point-in-time`
//! writes to S3 with `--export-type INCREMENTAL_EXPORT`
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>). The changes are those of the tables'
//! streams, made one for each item as an export makes them: the last image, and the one from before the time.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;
use payonce_books::export::write::Exported;
use payonce_books::export::{Change, Item, Metadata, Number};
use payonce_protocol::ids::Digest;
use payonce_runtime::clock::Clock;
use payonce_runtime::random;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::reconcile::LOCAL_PORT;
use crate::send::host_and_port;
use crate::sender::post;
use crate::stack::{AUDIT, RECONCILE};

type Failure = Box<dyn Error + Send + Sync>;

/// Files of data, one for each partition that a table might have.
const PARTITIONS: usize = 4;

#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Of a stack that is deployed, `aws dynamodb export-table-to-point-in-time` writes the same into a bucket (infra/scale.md).\n\n\
    payonce export --from 2026-11-29T09:00:00Z --to 2026-11-29T10:00:00Z --dir exports/"
)]
pub struct Options {
    /// What changed from then on, such as 2026-11-29T09:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// And before this
    #[arg(long, value_name = "TIME")]
    to: Timestamp,
    /// In place of a bucket
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// Of the stack that is up on this machine, at this port
    #[arg(long, value_name = "PORT", default_value = LOCAL_PORT)]
    local: u16,
    /// Where its tables are [default: two ports further]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    endpoint: Option<String>,
}

pub struct Done {
    exports: Vec<Written>,
}

struct Written {
    table: &'static str,
    items: u64,
    manifest: PathBuf,
}

pub async fn run(options: &Options) -> Result<Done, Failure> {
    let seconds = |name: &str, time: Timestamp| match u64::try_from(time.as_second()) {
        Ok(second) if time.subsec_nanosecond() == 0 => Ok(second),
        _ => Err(format!("{name} {time}: an export begins and ends with a whole second since 1970")),
    };
    let (from, to) = (seconds("--from", options.from)?, seconds("--to", options.to)?);
    if from >= to {
        return Err(format!("--from {} --to {}: the end is not after the beginning", options.from, options.to).into());
    }
    if to * 1_000 > Clock::system().now() {
        return Err(format!("--to {}: what changes until then is not there yet", options.to).into());
    }
    let near = || format!("http://127.0.0.1:{}", options.local.saturating_add(2));
    let url = options.endpoint.clone().unwrap_or_else(near);
    let host = host_and_port(&url).ok_or_else(|| format!("--endpoint {url}: write http://HOST:PORT"))?;
    let mut exports = vec![];
    for (table, prefix) in [(AUDIT, "audit"), (RECONCILE, "reconcile")] {
        let changes = compacted(records(&host, table).await?, from, to)?;
        exports.push(written(options, table, prefix, changes)?);
    }
    Ok(Done { exports })
}

impl Done {
    pub fn text(&self) -> String {
        let line = |of: &Written| format!("{}: {} items changed, {}", of.table, of.items, of.manifest.display());
        self.exports.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    pub fn json(&self) -> Value {
        let exports = self
            .exports
            .iter()
            .map(|of| json!({ "table": of.table, "items": of.items, "manifest": of.manifest.display().to_string() }));
        json!({ "kind": "export", "exports": exports.collect::<Vec<_>>() })
    }
}

/// A change as a stream has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    /// In seconds.
    approximate_creation_date_time: serde_json::Number,
    keys: Item,
    new_image: Option<Item>,
    old_image: Option<Item>,
}

/// Of the whole stream, in the order in which the items changed.
async fn records(host: &str, table: &str) -> Result<Vec<Record>, Failure> {
    let streams = ask(host, "ListStreams", &json!({ "TableName": table })).await?;
    let stream = &streams["Streams"][0]["StreamArn"];
    if !stream.is_string() {
        return Err(format!("{table} has no stream: nobody kept its changes").into());
    }
    let described = ask(host, "DescribeStream", &json!({ "StreamArn": stream })).await?;
    let mut records = vec![];
    for shard in described["StreamDescription"]["Shards"].as_array().into_iter().flatten() {
        let from = json!({ "StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON" });
        let mut next = ask(host, "GetShardIterator", &from).await?["ShardIterator"].take();
        // A shard that is open always has a next page: the first empty one is the end of what there is.
        while next.is_string() {
            let mut page = ask(host, "GetRecords", &json!({ "ShardIterator": next })).await?;
            next = page["NextShardIterator"].take();
            let Some(found) = page["Records"].as_array_mut().filter(|found| !found.is_empty()) else { break };
            for record in found {
                records.push(serde_json::from_value(record["dynamodb"].take())?);
            }
        }
    }
    Ok(records)
}

async fn ask(host: &str, operation: &str, body: &Value) -> Result<Value, Failure> {
    // The sandbox checks no signature, only that there is one.
    let signed = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let headers = vec![
        (
            HeaderName::from_static("x-amz-target"),
            HeaderValue::try_from(format!("DynamoDBStreams_20120810.{operation}"))?,
        ),
        (HeaderName::from_static("x-amz-date"), HeaderValue::from_static("20260101T000000Z")),
        (header::AUTHORIZATION, HeaderValue::from_static(signed)),
    ];
    let answered = post(host, "/", body.to_string().as_bytes(), headers).await;
    let answered = answered.map_err(|error| format!("http://{host}: {error}; is the stack up? (cargo run)"))?;
    if !answered.is_success() {
        return Err(format!("http://{host}: {operation}: {}", answered.body).into());
    }
    Ok(serde_json::from_str(&answered.body)?)
}

/// One for each item. One that was put and removed within the time has none.
fn compacted(records: Vec<Record>, from: u64, to: u64) -> Result<Vec<Change>, Failure> {
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    for Record { approximate_creation_date_time: at, keys, new_image, old_image } in records {
        // A whole number, which may be written with a fraction.
        let second: u64 = at.to_string().split('.').next().unwrap_or_default().parse()?;
        if !(from..to).contains(&second) {
            continue;
        }
        let metadata = Metadata { write_timestamp_micros: Number { digits: format!("{second}000000") } };
        let change = Change { metadata, keys, new_image, old_image };
        let key = serde_json::to_string(&change.keys.iter().collect::<BTreeMap<_, _>>())?;
        let before = changes.get(&key).map_or_else(|| change.old_image.clone(), |earlier| earlier.old_image.clone());
        changes.insert(key, Change { old_image: before, ..change });
    }
    Ok(changes.into_values().filter(|change| change.new_image.is_some() || change.old_image.is_some()).collect())
}

fn written(options: &Options, table: &'static str, prefix: &str, changes: Vec<Change>) -> Result<Written, Failure> {
    let mut partitions = vec![vec![]; PARTITIONS];
    for change in changes {
        let Digest(hash) = Digest::of(change.keys["pk"].to_string());
        let place = usize::from(hash[0]) % PARTITIONS;
        partitions[place].push(change);
    }
    let unique: String = random::attempt_id().to_string().chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let id = format!("{:014}-{unique}", Clock::system().now());
    let at = |time: Timestamp| time.strftime("%FT%TZ").to_string();
    let exported = Exported {
        bucket: options.dir.clone(),
        prefix: prefix.to_owned(),
        table: table.to_owned(),
        id,
        from: at(options.from),
        to: at(options.to),
    };
    let summary = exported.write(&partitions)?;
    let folder = Path::new(&summary.manifest_files_s3_key).with_file_name("manifest-summary.json");
    Ok(Written { table, items: summary.item_count, manifest: options.dir.join(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: &str) -> Option<Item> {
        serde_json::from_str(&format!(r#"{{"pk":{{"S":"a"}},"of":{{"S":"{value}"}}}}"#)).unwrap()
    }

    fn record(at: u64, old: Option<Item>, new: Option<Item>) -> Record {
        let keys = serde_json::from_str(r#"{"pk":{"S":"a"}}"#).unwrap();
        Record { approximate_creation_date_time: at.into(), keys, new_image: new, old_image: old }
    }

    fn images(records: Vec<Record>) -> Vec<(Option<Item>, Option<Item>, String)> {
        let changes = compacted(records, 100, 200).unwrap();
        let image =
            |change: Change| (change.old_image, change.new_image, change.metadata.write_timestamp_micros.digits);
        changes.into_iter().map(image).collect()
    }

    #[test]
    fn item_is_exported_with_its_last_image_and_the_one_from_before_the_time() {
        let (one, two, three) = (|| item("1"), || item("2"), || item("3"));
        let put = || record(120, None, one());
        let at = |seconds: u64| (seconds * 1_000_000).to_string();
        assert_eq!(images(vec![put()]), [(None, one(), at(120))]);
        assert_eq!(images(vec![put(), record(130, one(), two())]), [(None, two(), at(130))]);
        let changed = vec![record(100, one(), two()), record(199, two(), three())];
        assert_eq!(images(changed), [(one(), three(), at(199))]);
        assert_eq!(images(vec![record(150, one(), None)]), [(one(), None, at(150))]);
        assert_eq!(images(vec![put(), record(130, one(), None)]), []);
        // What happened before and afterwards is in other exports.
        assert_eq!(images(vec![record(99, None, one()), record(200, one(), two())]), []);
    }
}
