//! Takes up the export of one window: which of its files may be read. What is not as the manifests say is not read, and our book says
//! that it lacks something of that window, so that nothing is concluded from what is not there.
//!
//! AWS's page calls the files beside the manifests `.checksum`. Exports have them as `.md5`, as AWS's own tools read them
//! (<https://github.com/awslabs/amazon-dynamodb-tools>): either will do, and one there must be. `md5Checksum` is of the file as it is
//! stored, compressed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use md5::{Digest as _, Md5};
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Why};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{DataFile, INCREMENTAL_EXPORT, Item, JSON, Metadata, NEW_AND_OLD_IMAGES, Summary};

/// Which export is wanted: of this table, and of exactly this window, because two exports would show an item twice.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The bucket's folder.
    pub bucket: &'a Path,
    pub prefix: &'a str,
    pub table: &'a str,
    pub window: Window,
}

#[derive(Debug, Default)]
pub struct Taken {
    /// Each is as the manifest says.
    pub files: Vec<PathBuf>,
    pub changes: u64,
    pub gaps: Vec<Gap>,
    /// For people.
    pub faults: Vec<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No finished export is of this table and window.
    NoExport,
    Missing(String),
    /// The file, and what is wrong with it.
    Damaged(String, &'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExport => f.write_str("no finished export of the table is of this window"),
            Self::Missing(file) => write!(f, "{file} is missing"),
            Self::Damaged(file, what) => write!(f, "{file}: {what}"),
        }
    }
}

impl Fault {
    fn why(&self) -> Why {
        match self {
            Self::NoExport | Self::Missing(_) => Why::PageLost,
            Self::Damaged(..) => Why::Unreadable,
        }
    }
}

/// Of several exports of the window the first that is whole: each has the same.
pub fn take(wanted: &Wanted<'_>) -> io::Result<Taken> {
    let root = wanted.bucket.join(super::root(wanted.prefix));
    let mut best = Taken { faults: vec![Fault::NoExport], ..Taken::default() };
    for id in exports(&root)? {
        let Some(taken) = one(wanted, &root.join(&id), &id)? else { continue };
        if taken.faults.is_empty() {
            return Ok(taken);
        }
        if best.faults == [Fault::NoExport] {
            best = taken;
        }
    }
    // Files hold keys by their hash: whichever lacks may hold anything of the whole window.
    let (from, until) = (wanted.window.from(), wanted.window.to());
    best.gaps = best.faults.iter().map(|fault| Gap { book: Book::Ours, from, until, why: fault.why() }).collect();
    best.gaps.dedup();
    Ok(best)
}

fn exports(root: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        read => read?,
    };
    let mut ids = vec![];
    for entry in entries {
        ids.extend(entry?.file_name().into_string().ok().filter(|name| name != "data"));
    }
    ids.sort();
    Ok(ids)
}

/// `None`: it is of something else, or not finished.
fn one(wanted: &Wanted<'_>, folder: &Path, id: &str) -> io::Result<Option<Taken>> {
    let mut taken = Taken::default();
    let summary = match vouched(folder, "manifest-summary")? {
        Ok(text) => text,
        // It is written last: without it the export is not finished.
        Err(Fault::Missing(name)) if name == "manifest-summary.json" => return Ok(None),
        Err(fault) => {
            taken.faults.push(fault);
            return Ok(Some(taken));
        }
    };
    let Ok(summary) = serde_json::from_slice::<Summary>(&summary) else {
        taken.faults.push(Fault::Damaged("manifest-summary.json".to_owned(), "it is not as documented"));
        return Ok(Some(taken));
    };
    let times = (millis(&summary.export_from_time), millis(&summary.export_to_time));
    let is_wanted = times == (Some(wanted.window.from()), Some(wanted.window.to()))
        && summary.table_arn.ends_with(&format!(":table/{}", wanted.table))
        && summary.export_type == INCREMENTAL_EXPORT
        && summary.output_format == JSON
        // Without old images nobody sees who changed a claim.
        && summary.output_view == NEW_AND_OLD_IMAGES;
    if !is_wanted {
        return Ok(None);
    }
    let files = match vouched(folder, "manifest-files")? {
        Ok(text) => text,
        Err(fault) => {
            taken.faults.push(fault);
            return Ok(Some(taken));
        }
    };
    let listed: Result<Vec<DataFile>, _> =
        files.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice).collect();
    let Ok(listed) = listed else {
        taken.faults.push(Fault::Damaged("manifest-files.json".to_owned(), "it is not as documented"));
        return Ok(Some(taken));
    };
    if summary.manifest_files_s3_key != format!("{}/{id}/manifest-files.json", super::root(wanted.prefix))
        || listed.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.item_count)) != Some(summary.item_count)
    {
        taken.faults.push(Fault::Damaged("manifest-files.json".to_owned(), "it is not what the summary says"));
    }
    for file in listed {
        match whole(wanted, &file)? {
            Ok(path) => {
                taken.files.push(path);
                taken.changes = taken.changes.saturating_add(file.item_count);
            }
            Err(fault) => taken.faults.push(fault),
        }
    }
    Ok(Some(taken))
}

/// A manifest that is as its checksum says.
fn vouched(folder: &Path, name: &str) -> io::Result<Result<Vec<u8>, Fault>> {
    let json = format!("{name}.json");
    let Some(bytes) = read(&folder.join(&json))? else { return Ok(Err(Fault::Missing(json))) };
    let mut said = None;
    for end in ["checksum", "md5"] {
        said = said.or(read(&folder.join(format!("{name}.{end}")))?);
    }
    let Some(said) = said else { return Ok(Err(Fault::Missing(format!("{name}.checksum")))) };
    let is_whole = said.trim_ascii() == STANDARD.encode(Md5::digest(&bytes)).as_bytes();
    Ok(if is_whole { Ok(bytes) } else { Err(Fault::Damaged(json, "its checksum is another")) })
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// A line of data, as far as it must be known that it is one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line {
    metadata: Metadata,
    keys: Item,
    #[serde(default, rename = "NewImage")]
    _new_image: Option<IgnoredAny>,
    #[serde(default, rename = "OldImage")]
    _old_image: Option<IgnoredAny>,
}

fn whole(wanted: &Wanted<'_>, file: &DataFile) -> io::Result<Result<PathBuf, Fault>> {
    let key = &file.data_file_s3_key;
    let damaged = |what| Ok(Err(Fault::Damaged(key.clone(), what)));
    let data = format!("{}/data/", super::root(wanted.prefix));
    let Some(name) = key.strip_prefix(&data).filter(|name| !name.contains(['/', '\\']) && !name.starts_with('.'))
    else {
        return damaged("it is no file of this prefix's data");
    };
    let path = wanted.bucket.join(&data).join(name);
    let stored = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(Fault::Missing(key.clone()))),
        stored => stored?,
    };
    let mut md5 = Md5::new();
    let mut hashed = BufReader::new(stored);
    loop {
        let part = hashed.fill_buf()?;
        if part.is_empty() {
            break;
        }
        md5.update(part);
        let length = part.len();
        hashed.consume(length);
    }
    if STANDARD.encode(md5.finalize()) != file.md5_checksum {
        return damaged("its checksum is another");
    }
    let mut lines = BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(&path)?)));
    let (mut line, mut count) = (vec![], 0_u64);
    loop {
        line.clear();
        // What cannot be unpacked is the file's fault, and not the disk's.
        match lines.by_ref().read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => return damaged("it cannot be unpacked"),
        }
        let change = serde_json::from_slice::<Line>(&line).ok();
        let written = change.filter(|line| !line.keys.is_empty()).map(|line| line.metadata.write_timestamp_micros);
        if written.is_none_or(|written| written.digits.parse::<u64>().is_err()) {
            return damaged("a line is no change of an item");
        }
        count += 1;
    }
    if count != file.item_count { damaged("it does not have as many items as the manifest says") } else { Ok(Ok(path)) }
}

/// `2023-09-18T17:00:00.000Z`, with or without the fraction.
fn millis(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, between: char| -> Option<[u64; 3]> {
        let mut parts = text.split(between).map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse::<u64>().ok()).flatten()
        });
        let all = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(all)
    };
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "000"));
    let [hour, minute, second] = numbers(time, ':')?;
    let fraction = Some(fraction).filter(|text| text.len() == 3).and_then(|text| text.parse::<u64>().ok())?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let of_month = *months.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1970..=9999).contains(&year) || !(1..=of_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = year - 1;
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(before) - leap_days(1969);
    let days = years + months.iter().take(usize::try_from(month).ok()? - 1).sum::<u64>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + fraction)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    use super::super::write::Exported;
    use super::super::{Change, Number};
    use super::*;

    type Spoil<'a> = (&'a str, &'a dyn Fn(&Bucket));

    const FROM: u64 = 1_790_000_000_000;
    const DAY: u64 = 86_400_000;
    const ID: &str = "01695097218000-d6299cbd";

    struct Bucket(tempfile::TempDir);

    impl Bucket {
        fn export(&self, id: &str, table: &str, day: u64) {
            let date = |day: u64| format!("2026-09-{:02}T14:13:20.000Z", 21 + day);
            let exported = Exported {
                bucket: self.0.path().to_owned(),
                prefix: "audit".to_owned(),
                table: table.to_owned(),
                id: id.to_owned(),
                from: date(day),
                to: date(day + 1),
            };
            let change = |name: &str| {
                let keys = serde_json::from_str(&format!(r#"{{"pk":{{"S":"{name}"}}}}"#)).unwrap();
                let digits = (FROM * 1_000).to_string();
                let metadata = Metadata { write_timestamp_micros: Number { digits } };
                Change { metadata, new_image: None, old_image: None, keys }
            };
            exported.write(&[vec![change("a"), change("b")], vec![], vec![change("c")]]).unwrap();
        }

        fn take(&self) -> Taken {
            let window = Window::new(FROM, FROM + DAY).unwrap();
            take(&Wanted { bucket: self.0.path(), prefix: "audit", table: "payonce-audit", window }).unwrap()
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join("audit/AWSDynamoDB").join(name)
        }

        /// Changes a manifest, and its checksum with it.
        fn change(&self, name: &str, old: &str, new: &str) {
            let text = fs::read_to_string(self.path(&format!("{ID}/{name}.json"))).unwrap();
            assert!(text.contains(old), "{old} in {text}");
            let text = text.replacen(old, new, 1);
            fs::write(self.path(&format!("{ID}/{name}.checksum")), STANDARD.encode(Md5::digest(&text))).unwrap();
            fs::write(self.path(&format!("{ID}/{name}.json")), text).unwrap();
        }

        /// Another content of the first file, of which the manifest has the checksum.
        fn refill(&self, text: &str) {
            let mut gzip = GzEncoder::new(vec![], Compression::default());
            gzip.write_all(text.as_bytes()).unwrap();
            self.replace(&gzip.finish().unwrap());
        }

        fn replace(&self, bytes: &[u8]) {
            let path = self.path(&format!("data/{ID}-0000.json.gz"));
            let md5 = |bytes: &[u8]| STANDARD.encode(Md5::digest(bytes));
            let old = md5(&fs::read(&path).unwrap());
            self.change("manifest-files", &old, &md5(bytes));
            fs::write(path, bytes).unwrap();
        }
    }

    fn bucket() -> Bucket {
        let bucket = Bucket(tempfile::tempdir().unwrap());
        bucket.export(ID, "payonce-audit", 0);
        bucket
    }

    fn gap(why: Why) -> Vec<Gap> {
        vec![Gap { book: Book::Ours, from: FROM, until: FROM + DAY, why }]
    }

    #[test]
    fn whole_export_of_the_window_is_read_and_nothing_is_lacking() {
        let bucket = bucket();
        // Of another day, of another table, and one that is not finished: all share the folder of data.
        bucket.export("01695097218001-d6299cbd", "payonce-audit", 1);
        bucket.export("01695097217001-d6299cbd", "payonce-other", 0);
        fs::create_dir_all(bucket.path("01695097216001-d6299cbd")).unwrap();
        fs::write(bucket.path("01695097216001-d6299cbd/_started"), "").unwrap();
        let taken = bucket.take();
        assert_eq!((taken.faults, taken.gaps, taken.changes), (vec![], vec![], 3));
        assert_eq!(taken.files.len(), 3);
        assert!(taken.files.iter().all(|file| file.file_name().unwrap().to_str().unwrap().starts_with(ID)));
    }

    #[test]
    fn checksums_are_read_under_the_documented_name_and_under_that_of_real_exports() {
        let bucket = bucket();
        for name in ["manifest-files", "manifest-summary"] {
            let path = |end: &str| bucket.path(&format!("{ID}/{name}.{end}"));
            fs::rename(path("checksum"), path("md5")).unwrap();
        }
        assert_eq!(bucket.take().faults, []);
    }

    #[test]
    fn window_without_a_finished_export_is_lacking() {
        let empty = Bucket(tempfile::tempdir().unwrap());
        assert_eq!((empty.take().gaps, empty.take().faults), (gap(Why::PageLost), vec![Fault::NoExport]));
        for other in [
            ("\"NEW_AND_OLD_IMAGES\"", "\"NEW_IMAGE\""),
            ("\"INCREMENTAL_EXPORT\"", "\"FULL_EXPORT\""),
            ("\"DYNAMODB_JSON\"", "\"ION\""),
            ("FromTime\": \"2026-09-21T14:13:20", "FromTime\": \"2026-09-21T14:13:21"),
            ("ToTime\": \"2026-09-22T14:13:20", "ToTime\": \"2026-09-22T14:13:19"),
        ] {
            let bucket = bucket();
            bucket.change("manifest-summary", other.0, other.1);
            assert_eq!(
                (bucket.take().gaps, bucket.take().faults),
                (gap(Why::PageLost), vec![Fault::NoExport]),
                "{other:?}"
            );
        }
        let unfinished = bucket();
        fs::remove_file(unfinished.path(&format!("{ID}/manifest-summary.json"))).unwrap();
        assert_eq!(unfinished.take().gaps, gap(Why::PageLost));
    }

    #[test]
    fn missing_file_makes_the_window_lacking_and_the_others_are_read() {
        let bucket = bucket();
        fs::remove_file(bucket.path(&format!("data/{ID}-0000.json.gz"))).unwrap();
        let taken = bucket.take();
        assert_eq!((taken.gaps, taken.files.len(), taken.changes), (gap(Why::PageLost), 2, 1));
        assert_eq!(taken.faults[0].to_string(), format!("audit/AWSDynamoDB/data/{ID}-0000.json.gz is missing"));
        for name in ["manifest-files.json", "manifest-files.checksum", "manifest-summary.checksum"] {
            let bucket = super::tests::bucket();
            fs::remove_file(bucket.path(&format!("{ID}/{name}"))).unwrap();
            assert_eq!((bucket.take().gaps, bucket.take().files.len()), (gap(Why::PageLost), 0), "{name}");
        }
    }

    #[test]
    fn damaged_file_makes_the_window_lacking_and_is_not_read() {
        let line = r#"{"Metadata":{"WriteTimestampMicros":{"N":"1790000000000000"}},"Keys":{"pk":{"S":"a"}}}"#;
        let other_key = "data/../../../elsewhere.json.gz";
        let spoil: [Spoil; 10] = [
            ("cut", &|bucket| {
                let path = bucket.path(&format!("data/{ID}-0000.json.gz"));
                let bytes = fs::read(&path).unwrap();
                fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
            }),
            ("cut, and its checksum renewed", &|bucket| {
                let bytes = fs::read(bucket.path(&format!("data/{ID}-0000.json.gz"))).unwrap();
                bucket.replace(&bytes[..bytes.len() - 1]);
            }),
            ("a line less", &|bucket| bucket.refill(&format!("{line}\n"))),
            ("a line more", &|bucket| bucket.refill(&format!("{line}\n{line}\n{line}\n"))),
            ("half a line", &|bucket| bucket.refill(&format!("{line}\n{}", &line[..40]))),
            ("a line of a full export", &|bucket| bucket.refill(&format!("{line}\n{{\"Item\":{{}}}}\n"))),
            ("no time", &|bucket| bucket.refill(&format!("{line}\n{}\n", line.replace("1790000000000000", "")))),
            ("counts that are not the summary's", &|bucket| {
                bucket.change("manifest-files", "\"itemCount\":2", "\"itemCount\":3");
            }),
            ("a key outside", &|bucket| {
                bucket.change("manifest-files", &format!("data/{ID}-0000.json.gz"), other_key);
            }),
            ("manifest altered", &|bucket| {
                let path = bucket.path(&format!("{ID}/manifest-files.json"));
                let text = fs::read_to_string(&path).unwrap();
                fs::write(path, text.replacen("itemCount\":2", "itemCount\":1", 1)).unwrap();
            }),
        ];
        for (what, spoil) in spoil {
            let bucket = bucket();
            spoil(&bucket);
            let taken = bucket.take();
            assert_eq!(taken.gaps, gap(Why::Unreadable), "{what}: {:?}", taken.faults);
            let first = bucket.path(&format!("data/{ID}-0000.json.gz"));
            assert!(!taken.files.contains(&first), "{what}: {:?}", taken.files);
        }
    }

    #[test]
    fn whole_export_stands_for_a_damaged_one_of_the_same_window() {
        let bucket = bucket();
        fs::remove_file(bucket.path(&format!("data/{ID}-0000.json.gz"))).unwrap();
        bucket.export("01695097219000-d6299cbd", "payonce-audit", 0);
        let taken = bucket.take();
        assert_eq!((taken.gaps, taken.changes), (vec![], 3));
    }

    #[test]
    fn times_of_a_manifest_are_read_exactly_or_not_at_all() {
        assert_eq!(millis("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(millis("2023-09-18T17:00:00.000Z"), Some(1_695_056_400_000));
        assert_eq!(millis("2024-02-29T23:59:59.999Z"), Some(1_709_251_199_999));
        assert_eq!(millis("2100-03-01T00:00:00Z"), Some(4_107_542_400_000));
        for odd in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(millis(odd), None, "{odd}");
        }
        for odd in
            ["2023-01-01T00:00:00+01:00", "2023-+1-01T00:00:00Z", "2023-01-01T00:00:00.5Z", "2023-00-01T00:00:00Z"]
        {
            assert_eq!(millis(odd), None, "{odd}");
        }
    }
}
