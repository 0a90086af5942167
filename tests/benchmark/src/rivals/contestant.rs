//! Who takes part, how each is installed and started, and with which settings.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use payonce_local::stack::sandbox_secret;
use payonce_protocol::ids::Digest;
use payonce_runtime_api_tests::{Output, Start};

use super::floor;
use super::stage::{RAIL_TIMEOUT_MS, Stage};
use crate::binary::{Binary, zipped};
use crate::function::Function;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    Documented,
    Best,
    RailKey,
    NeverAgain,
}

impl Settings {
    pub const ALL: [Self; 4] = [Self::Documented, Self::Best, Self::RailKey, Self::NeverAgain];

    /// For whoever reads the page.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Documented => {
                "the documentation's example for a function that is not the handler, with `event_key_jmespath` (`eventKeyJmesPath`) \
                 `id`; it registers the Lambda context"
            }
            Self::Best => {
                "also `raise_on_no_idempotency_key` (`throwOnNoIdempotencyKey`), `expires_after_seconds` (`expiresAfterSeconds`) 30 \
                 days, no local cache, the SDK's retries `standard` with 3 attempts, connecting and reading at most 2 s"
            }
            Self::RailKey => {
                "also the event's id as the rail's `Idempotency-Key`. That is the rail's own promise and not a setting: Stripe's may \
                 be [removed after 24 hours](https://docs.stripe.com/api/idempotent_requests)"
            }
            Self::NeverAgain => {
                "the best settings, but the context is not registered, so that a record in progress is not run again before it expires, \
                 and what the call raises is caught, so that the record is kept"
            }
        }
    }

    /// As the rivals' own code reads it, and as the page names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Best => "best settings",
            Self::RailKey => "rail key",
            Self::NeverAgain => "never again",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    Floor,
    Payonce,
    Python(Settings),
    Node(Settings),
}

impl Contestant {
    /// Of the speed: the other settings send the same requests.
    pub const MEASURED: [Self; 6] = [
        Self::Floor,
        Self::Payonce,
        Self::Python(Settings::Documented),
        Self::Python(Settings::Best),
        Self::Node(Settings::Documented),
        Self::Node(Settings::Best),
    ];

    /// Of the faults: the floor promises nothing.
    pub fn tried() -> Vec<Self> {
        let all = |of: fn(Settings) -> Self| Settings::ALL.map(of);
        [vec![Self::Payonce], all(Self::Python).to_vec(), all(Self::Node).to_vec()].concat()
    }

    pub fn name(self) -> String {
        match self {
            Self::Floor => "floor".to_owned(),
            Self::Payonce => "payonce".to_owned(),
            Self::Python(settings) => format!("Powertools Python, {}", settings.word()),
            Self::Node(settings) => format!("Powertools TypeScript, {}", settings.word()),
        }
    }

    fn settings(self) -> &'static str {
        match self {
            Self::Floor | Self::Payonce => "",
            Self::Python(settings) | Self::Node(settings) => settings.word(),
        }
    }

    /// The operation that records how the payout ended, and what its request alone contains.
    pub fn completion(self) -> (&'static str, &'static str) {
        match self {
            Self::Floor | Self::Payonce => ("PutItem", "#outcome"),
            Self::Python(_) | Self::Node(_) => ("UpdateItem", ""),
        }
    }

    /// The same of the claim.
    pub fn claim(self) -> (&'static str, &'static str) {
        match self {
            Self::Floor | Self::Payonce => ("PutItem", "#claim"),
            Self::Python(_) | Self::Node(_) => ("PutItem", "INPROGRESS"),
        }
    }
}

/// The programs of all of them.
pub struct Programs {
    payonce: Binary,
    floor: PathBuf,
    python: PathBuf,
    python_function: PathBuf,
    node: PathBuf,
    node_function: PathBuf,
    pub versions: Vec<String>,
}

impl Programs {
    /// Installs what is pinned beside the rivals' code into `target/tools`, unless it is there.
    pub fn install(payonce: Binary) -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals");
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
        std::fs::create_dir_all(&tools).map_err(|error| error.to_string())?;
        let tools = tools.canonicalize().map_err(|error| error.to_string())?;
        let venv = tools.join("rivals-python");
        let requirements = source.join("python/requirements.txt");
        unless_done(&tools, "rivals-python", &[&requirements], || {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
            let pip = ["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r"];
            run(Command::new(venv.join("bin/pip")).args(pip).arg(&requirements))
        })?;
        let modules = tools.join("rivals-node");
        let files = ["package.json", "package-lock.json", "function.mjs", "runtime.mjs"];
        let files: Vec<PathBuf> = files.iter().map(|name| source.join("node").join(name)).collect();
        unless_done(&tools, "rivals-node", &files.iter().collect::<Vec<_>>(), || {
            std::fs::create_dir_all(&modules).map_err(|error| error.to_string())?;
            for file in &files {
                let copy = modules.join(file.file_name().unwrap());
                std::fs::copy(file, copy).map_err(|error| format!("{}: {error}", file.display()))?;
            }
            run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&modules))?;
            run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&modules))
        })?;
        let python = venv.join("bin/python");
        let node = PathBuf::from(said(Command::new("node").args(["-p", "process.execPath"]))?);
        let packages = |text: &str, mark: &str, names: &[&str]| {
            let line = |name: &&str| text.lines().find(|line| line.trim().starts_with(&format!("{mark}{name}{mark}")));
            let clean =
                |line: &str| line.trim().trim_end_matches([',', '\\', ' ']).replace(['"', ':'], "").replace("==", " ");
            names.iter().filter_map(line).map(clean).collect::<Vec<_>>().join(", ")
        };
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| error.to_string());
        let pinned = read(&requirements)?;
        let pinned: String =
            pinned.lines().filter(|line| line.contains("==")).map(|line| format!("{line}\n")).collect();
        let names = ["aws-lambda-powertools==", "boto3==", "urllib3==", "awslambdaric=="];
        let package = read(&source.join("node/package.json"))?;
        let versions = vec![
            format!("{}: {}", said(Command::new(&python).arg("--version"))?, packages(&pinned, "", &names)),
            format!(
                "Node {}: {}",
                said(Command::new(&node).arg("--version"))?,
                packages(
                    &package,
                    "\"",
                    &["@aws-lambda-powertools/idempotency", "@aws-sdk/client-dynamodb", "esbuild"]
                )
            ),
        ];
        let floor = std::env::current_exe().map_err(|error| error.to_string())?;
        let (python_function, node_function) = (source.join("python"), modules.join("bootstrap.cjs"));
        Ok(Self { payonce, floor, python, python_function, node, node_function, versions })
    }

    /// Its process, and how long it took until it asked for its first invocation.
    pub fn start(&self, who: Contestant, stage: &Stage, output: Output<'_>) -> (Function, Duration) {
        let text = |word: &str| word.to_owned();
        let (binary, arguments) = match who {
            Contestant::Floor => (&self.floor, vec![text(floor::COMMAND)]),
            Contestant::Payonce => (&self.payonce.path, vec![]),
            // As /var/runtime/bootstrap of Lambda's image does.
            Contestant::Python(_) => (&self.python, ["-m", "awslambdaric", "function.handler"].map(text).to_vec()),
            Contestant::Node(_) => (&self.node, vec![self.node_function.to_string_lossy().into_owned()]),
        };
        let mut environment = stage.environment();
        let more = [
            ("AWS_LAMBDA_FUNCTION_NAME", text("webhook")),
            ("AWS_DEFAULT_REGION", text("eu-central-1")),
            ("PYTHONPATH", self.python_function.to_string_lossy().into_owned()),
            ("PYTHONDONTWRITEBYTECODE", text("1")),
            ("NODE_NO_WARNINGS", text("1")),
            ("SETTINGS", text(who.settings())),
            ("SIGNING_SECRET", stage.secret.clone()),
            ("IDEMPOTENCY_TABLE", text(super::stage::TABLE)),
            ("RAIL_URL", stage.rail_url.clone()),
            ("RAIL_SECRET", sandbox_secret("PAYONCE_SANDBOX_RAIL").unwrap()),
            ("RAIL_TIMEOUT_MS", RAIL_TIMEOUT_MS.to_string()),
        ];
        environment.extend(more.map(|(name, value)| (text(name), value)));
        Function::start_with(Start {
            binary,
            arguments: &arguments,
            memory_mib: 512,
            environment,
            output,
            on_one_core: false,
        })
    }

    /// What is uploaded for it. Lambda's image has the language, the AWS SDK for Python and the runtime client.
    pub fn zip(&self, who: Contestant) -> Option<usize> {
        match who {
            Contestant::Floor => None,
            Contestant::Payonce => Some(self.payonce.zip),
            Contestant::Python(_) => {
                let lib = self.python.parent()?.parent()?.join("lib");
                let packages = std::fs::read_dir(lib).ok()?.next()?.ok()?.path().join("site-packages");
                let mut files = vec![self.python_function.join("function.py"), packages.join("typing_extensions.py")];
                ["aws_lambda_powertools", "jmespath"].iter().for_each(|name| within(&packages.join(name), &mut files));
                Some(zip_of(&files, &packages))
            }
            Contestant::Node(_) => Some(zip_of(std::slice::from_ref(&self.node_function), Path::new(""))),
        }
    }
}

fn within(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with("__pycache__") {
            within(&entry, files);
        } else if entry.is_file() {
            files.push(entry);
        }
    }
}

fn zip_of(files: &[PathBuf], root: &Path) -> usize {
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root).ok().filter(|name| name.is_relative()).map(Path::to_path_buf);
        let name = name.unwrap_or_else(|| PathBuf::from(path.file_name().unwrap()));
        (name.to_string_lossy().into_owned(), std::fs::read(path).unwrap())
    };
    let files: Vec<(String, Vec<u8>)> = files.iter().map(read).collect();
    zipped(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
}

/// Runs this unless it was run for the very same files before.
fn unless_done(
    tools: &Path,
    name: &str,
    files: &[&PathBuf],
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let mut bytes = vec![];
    for file in files {
        bytes.extend(std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?);
    }
    let (stamp, digest) = (tools.join(format!("{name}.done")), Digest::of(bytes).to_string());
    if std::fs::read_to_string(&stamp).is_ok_and(|done| done == digest) {
        return Ok(());
    }
    eprintln!("installing {name}");
    install()?;
    std::fs::write(stamp, digest).map_err(|error| error.to_string())
}

pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

pub fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
