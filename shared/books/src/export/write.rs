//! Writes an export, a file after the other: a year's would not fit into memory.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};

use super::{Change, DataFile, INCREMENTAL_EXPORT, JSON, NEW_AND_OLD_IMAGES, Summary};
use crate::BooksError;

/// What an export says of itself.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The bucket's folder.
    pub bucket: PathBuf,
    pub prefix: String,
    pub table: String,
    /// 14 digits, a dash and 8 hex digits.
    pub id: String,
    /// RFC 3339, to the second; the first moment inclusive, the second exclusive.
    pub from: String,
    pub to: String,
}

/// An export that is not finished: without its manifests it is none.
pub struct Writer<'a> {
    exported: &'a Exported,
    /// Of the file that is open.
    gzip: GzEncoder<Vec<u8>>,
    count: u64,
    manifest: String,
    files: u64,
    item_count: u64,
    billed: u64,
}

impl Exported {
    /// `parts` as one file each. An empty part is an empty file, as a partition's is.
    pub fn write(&self, parts: &[Vec<Change>]) -> Result<Summary, BooksError> {
        let mut writer = self.begin()?;
        for part in parts {
            part.iter().try_for_each(|change| writer.push(change))?;
            writer.end_file()?;
        }
        writer.finish()
    }

    pub fn begin(&self) -> Result<Writer<'_>, BooksError> {
        fs::create_dir_all(self.bucket.join(self.root()).join("data"))?;
        fs::create_dir_all(self.bucket.join(self.own()))?;
        fs::write(self.bucket.join(self.own()).join("_started"), "")?;
        Ok(Writer {
            exported: self,
            gzip: GzEncoder::new(vec![], Compression::default()),
            count: 0,
            manifest: String::new(),
            files: 0,
            item_count: 0,
            billed: 0,
        })
    }

    fn root(&self) -> String {
        super::root(&self.prefix)
    }

    fn own(&self) -> String {
        format!("{}/{}", self.root(), self.id)
    }
}

impl Writer<'_> {
    pub fn push(&mut self, change: &Change) -> Result<(), BooksError> {
        let mut line = serde_json::to_vec(change)?;
        line.push(b'\n');
        self.gzip.write_all(&line)?;
        self.billed += line.len() as u64;
        self.count += 1;
        Ok(())
    }

    /// What comes now stands in the next file.
    pub fn end_file(&mut self) -> Result<(), BooksError> {
        let gzip = std::mem::replace(&mut self.gzip, GzEncoder::new(vec![], Compression::default()));
        let bytes = gzip.finish()?;
        let Exported { bucket, id, .. } = self.exported;
        let key = format!("{}/data/{id}-{:04}.json.gz", self.exported.root(), self.files);
        fs::write(bucket.join(&key), &bytes)?;
        let md5 = Md5::digest(&bytes);
        let etag = md5.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "-1";
        let item_count = std::mem::take(&mut self.count);
        let file = DataFile { item_count, md5_checksum: STANDARD.encode(md5), etag, data_file_s3_key: key };
        self.manifest += &serde_json::to_string(&file)?;
        self.manifest.push('\n');
        self.item_count += item_count;
        self.files += 1;
        Ok(())
    }

    /// The manifests, last.
    pub fn finish(mut self) -> Result<Summary, BooksError> {
        if self.count > 0 || self.files == 0 {
            self.end_file()?;
        }
        let of = self.exported;
        let arn = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{}", of.table);
        let own = of.own();
        let summary = Summary {
            version: "2023-08-01".to_owned(),
            export_arn: format!("{arn}/export/{}", of.id),
            start_time: of.to.clone(),
            end_time: of.to.clone(),
            table_arn: arn,
            table_id: "00000000-0000-0000-0000-000000000000".to_owned(),
            export_from_time: of.from.clone(),
            export_to_time: of.to.clone(),
            s3_bucket: "payonce-export".to_owned(),
            s3_prefix: Some(of.prefix.clone()),
            s3_sse_algorithm: "AES256".to_owned(),
            s3_sse_kms_key_id: None,
            manifest_files_s3_key: format!("{own}/manifest-files.json"),
            billed_size_bytes: self.billed,
            item_count: self.item_count,
            output_format: JSON.to_owned(),
            output_view: NEW_AND_OLD_IMAGES.to_owned(),
            export_type: INCREMENTAL_EXPORT.to_owned(),
        };
        let text = serde_json::to_string_pretty(&summary)?;
        for (name, text) in [("manifest-files", self.manifest), ("manifest-summary", text)] {
            let path = |end: &str| of.bucket.join(&own).join(format!("{name}.{end}"));
            fs::write(path("json"), &text)?;
            // As S3's Content-MD5: base64, and no newline.
            fs::write(path("checksum"), STANDARD.encode(Md5::digest(&text)))?;
        }
        Ok(summary)
    }
}
