//! DynamoDB's incremental export, as
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html> describes it: one folder of manifests for
//! each export, with a checksum beside each, and one folder of data that all exports under one prefix share.
//!
//! [`mod@write`] makes one, for engines and tests without AWS. [`take`] says which of an export's files may be read, and of which time our
//! book lacks something if one is not as its manifest says.
//!
//! An export is compacted: of an item that changed several times in its window it has the last image, and as the old one how the item
//! stood before the window; of one that was put and removed within it nothing. So it shows who changed a claim of an earlier window.
//! Within the window the table's stream is the witness (`functions/audit-watch`).

pub mod take;
pub mod write;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const INCREMENTAL_EXPORT: &str = "INCREMENTAL_EXPORT";
const JSON: &str = "DYNAMODB_JSON";
const NEW_AND_OLD_IMAGES: &str = "NEW_AND_OLD_IMAGES";

/// The folder under which all exports of a prefix stand.
fn root(prefix: &str) -> String {
    if prefix.is_empty() { "AWSDynamoDB".to_owned() } else { format!("{prefix}/AWSDynamoDB") }
}

/// An item as DynamoDB writes it: `{"pk":{"S":"…"}}`.
pub type Item = Map<String, Value>;

/// A change of one item: both images, as far as there are any. A removed one has no new image; one that was put once has no old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    pub metadata: Metadata,
    pub keys: Item,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_image: Option<Item>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_image: Option<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    pub write_timestamp_micros: Number,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    #[serde(rename = "N")]
    pub digits: String,
}

/// `manifest-summary.json`. A field that AWS adds later is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub version: String,
    pub export_arn: String,
    pub start_time: String,
    pub end_time: String,
    pub table_arn: String,
    pub table_id: String,
    pub export_from_time: String,
    pub export_to_time: String,
    pub s3_bucket: String,
    pub s3_prefix: Option<String>,
    pub s3_sse_algorithm: String,
    pub s3_sse_kms_key_id: Option<String>,
    pub manifest_files_s3_key: String,
    pub billed_size_bytes: u64,
    pub item_count: u64,
    pub output_format: String,
    pub output_view: String,
    pub export_type: String,
}

/// A line of `manifest-files.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataFile {
    pub item_count: u64,
    pub md5_checksum: String,
    pub etag: String,
    pub data_file_s3_key: String,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use md5::{Digest as _, Md5};

    use super::write::Exported;
    use super::*;

    /// The names and forms of the page's own examples.
    #[test]
    fn manifests_have_the_documented_form() {
        let summary = r#"{
            "version": "2023-08-01",
            "exportArn": "arn:aws:dynamodb:us-east-1:599882009758:table/export-test/export/01695097218000-d6299cbd",
            "startTime": "2023-09-19T04:20:18.000Z",
            "endTime": "2023-09-19T04:40:24.780Z",
            "tableArn": "arn:aws:dynamodb:us-east-1:599882009758:table/export-test",
            "tableId": "b116b490-6460-4d4a-9a6b-5d360abf4fb3",
            "exportFromTime": "2023-09-18T17:00:00.000Z",
            "exportToTime": "2023-09-19T04:00:00.000Z",
            "s3Bucket": "jason-exports",
            "s3Prefix": "20230919-prefix",
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": null,
            "manifestFilesS3Key": "20230919-prefix/AWSDynamoDB/01693685934212-ac809da5/manifest-files.json",
            "billedSizeBytes": 20901239349,
            "itemCount": 169928274,
            "outputFormat": "DYNAMODB_JSON",
            "outputView": "NEW_AND_OLD_IMAGES",
            "exportType": "INCREMENTAL_EXPORT"
        }"#;
        let file = r#"{
            "itemCount": 8,
            "md5Checksum": "sQMSpEILNgoQmarvDFonGQ==",
            "etag": "af83d6f217c19b8b0fff8023d8ca4716-1",
            "dataFileS3Key": "AWSDynamoDB/data/sgad6417s6vss4p7owp0471bcq.json.gz"
        }"#;
        // Read and written again: no field is unknown, none is missing and none is named otherwise.
        let same = |text: &str, again: Value| assert_eq!(serde_json::from_str::<Value>(text).unwrap(), again);
        same(summary, serde_json::to_value(serde_json::from_str::<Summary>(summary).unwrap()).unwrap());
        same(file, serde_json::to_value(serde_json::from_str::<DataFile>(file).unwrap()).unwrap());
    }

    #[test]
    fn a_change_is_a_line_of_images() {
        let change = r#"{"Metadata":{"WriteTimestampMicros":{"N":"1680109764000000"}},"Keys":{"pk":{"S":"a"}},"NewImage":{"pk":{"S":"a"}}}"#;
        let read: Change = serde_json::from_str(change).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), change);
    }

    #[test]
    fn exports_share_one_folder_of_data_and_each_manifest_names_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let exported = |id: &str| Exported {
            bucket: folder.path().to_owned(),
            prefix: "audit".to_owned(),
            table: "payonce-audit".to_owned(),
            id: id.to_owned(),
            from: "2026-11-01T00:00:00Z".to_owned(),
            to: "2026-11-02T00:00:00Z".to_owned(),
        };
        for id in ["01695097218000-d6299cbd", "01695097218001-d6299cbe"] {
            exported(id).write(&[vec![], vec![]]).unwrap();
            let own = folder.path().join("audit/AWSDynamoDB").join(id);
            let files = fs::read_to_string(own.join("manifest-files.json")).unwrap();
            assert_eq!(files.lines().count(), 2);
            for line in files.lines() {
                let file: DataFile = serde_json::from_str(line).unwrap();
                let bytes = fs::read(folder.path().join(&file.data_file_s3_key)).unwrap();
                assert!(file.data_file_s3_key.contains(id));
                assert_eq!(STANDARD.encode(Md5::digest(&bytes)), file.md5_checksum);
            }
            for name in ["_started", "manifest-files.checksum", "manifest-summary.json", "manifest-summary.checksum"] {
                assert!(own.join(name).exists(), "{name}");
            }
        }
        assert_eq!(fs::read_dir(folder.path().join("audit/AWSDynamoDB/data")).unwrap().count(), 4);
    }
}
