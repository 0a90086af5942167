"""SPECIFICATION.md against the repository. Each promise has an id that stays, and either names what fails when it is broken, which must be
there, or says that nothing does. Each of its numbers is read out of the code, the template or the test that holds it, so that a number that
changed there fails here. What ARCHITECTURE.md and infra/measured.md name and count is held to the same."""

import ast
import json
import os
import re
import shlex
import subprocess
import tomllib
from functools import cache

import pytest
from census import PLACES
from test_first_account import listed
from test_mutations import MUTATIONS as MUTATIONS_OF_THE_TEMPLATE
from translated import ROOT

SPECIFICATION = (ROOT / "SPECIFICATION.md").read_text()
CENSUS, MODEL, MUTATIONS = "infra/census.toml", "tests/model/src/properties.rs", "tests/model/tests/mutations.rs"
ENGINES = "tests/suite/tests/engines/"
PENDING = "*pending*: "

# id → (what is promised, what holds it), of every row of every table.
ROWS = re.findall(r"^\| ([A-Z]+)-(\d+) \| (.+) \| (.+) \|$", SPECIFICATION, re.M)
LINES = {f"{section}-{number}": (promise, held) for section, number, promise, held in ROWS}


@cache
def read(path):
    return (ROOT / path).read_text()


def held_by(cell):
    """The items of a cell: (name, path) of a link, (command, None) of code."""
    item = r"\[[^\]]+\]\([^)]+\)|`[^`]+`"
    assert re.fullmatch(rf"(?:{item})(?:, (?:{item}))*", cell), f"neither a list of what holds it nor *pending*: {cell}"
    return [(link or command, path or None) for link, path, command in re.findall(r"\[([^\]]+)\]\(([^)]+)\)|`([^`]+)`", cell)]


# --- What is named is there ----------------------------------------------------------------------------------------------


def is_rust_test(name, text):
    # Attributes and comments may stand between the test's own attribute and its name.
    between = r"(?:\s*(?:#\[[^\n]*\]|//[^\n]*)\n)*"
    return re.search(rf"#\[(?:tokio::)?test(?:\([^)]*\))?\]\n{between}\s*(?:pub )?(?:async )?fn {name}\(", text)


def is_engine_test(name, path):
    """Made by the macro of main.rs, once for each engine."""
    module = path.removeprefix(ENGINES).removesuffix(".rs")
    [listed] = re.findall(rf"^    {module}::\{{(.*?)\}}", read(ENGINES + "main.rs"), re.M | re.S) or [""]
    return f" {name}," in listed and re.search(rf"^pub async fn {name}\(", read(path), re.M)


def keeps_misuse_from_compiling(name, text):
    return any(
        "compile_fail" in comment for comment in re.findall(rf"((?:^///.*\n)+)(?:#\[.*\n)*pub (?:struct|enum) {name}\b", text, re.M)
    )


def is_there(name, path):
    if not (ROOT / path).is_file():
        return False
    if path == CENSUS:
        return any(place["id"] == name for place in PLACES)
    if path == MODEL:
        return f"pub const {name}: " in read(path) and f"always({name}, " in read(path)
    if path.endswith(".py"):
        return name.startswith("test_") and re.search(rf"^def {name}\(", read(path), re.M)
    if name[0].isupper():
        return keeps_misuse_from_compiling(name, read(path))
    if path.startswith(ENGINES) and is_engine_test(name, path):
        return True
    return is_rust_test(name, read(path))


def test_a_name_that_is_no_test_is_none():
    """Else everything below would hold of anything."""
    engine = ENGINES + "units.rs"
    assert is_there("an_ordinary_event_costs_at_most_six_units", engine) and not is_there("units", engine)
    crashes = "tests/end_to_end/tests/whole/crashes.rs"
    assert is_there("survives_a_crash_at_any_step_of_a_refusal", crashes) and not is_there("cut_everywhere", crashes)
    assert is_there("AT_MOST_ONCE", MODEL) and not is_there("NEVER_CAME_BACK", MODEL)
    assert is_there("Claimed", "shared/protocol/src/event.rs") and not is_there("ClaimFacts", "shared/protocol/src/event.rs")
    assert is_there("claims-expire", CENSUS) and not is_there("claims-expired", CENSUS)
    assert not is_there("translate", "tests/template/translated.py") and not is_there("x", "nowhere.rs")


PACKAGES = {}
for _manifest in subprocess.run(["git", "ls-files", "*Cargo.toml"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split():
    _package = tomllib.loads((ROOT / _manifest).read_text()).get("package")
    if _package:
        PACKAGES[_package["name"]] = (ROOT / _manifest).parent


def code_of(package):
    return "\n".join(path.read_text() for path in sorted((PACKAGES[package] / "src").rglob("*.rs")))


def takes(code, flag):
    """As a literal, or as a field that clap makes a flag of."""
    field = flag.removeprefix("--").replace("-", "_")
    return f'"{flag}"' in code or re.search(rf"#\[arg\([^\]]*\blong\b[^\]]*\)\]\s*(?:pub(?:\([a-z]+\))? )?{field}:", code)


def is_command(command):
    words = shlex.split(command)
    if words[0] != "cargo":
        path = ROOT / words[0]
        return path.is_file() and os.access(path, os.X_OK) and all(flag in path.read_text() for flag in words[1:] if flag.startswith("--"))
    ours, _, theirs = " ".join(words).partition(" -- ")
    ours, theirs = ours.split(), theirs.split()
    package = ours[ours.index("-p") + 1] if "-p" in ours else "payonce-local"
    if package not in PACKAGES or not set(ours) <= {"cargo", "run", "nextest", "--release", "-p", package, *named(ours, "--example"), *profile(ours)}:
        return False
    if [name for name in named(ours, "--example")[1:] if not (PACKAGES[package] / "examples" / f"{name}.rs").is_file()]:
        return False
    code = code_of(package)
    # A subcommand is a variant of clap's.
    commands = [word for word in theirs[:1] if not word.startswith("--")]
    return all(takes(code, word) for word in theirs if word.startswith("--")) and all(
        re.search(rf"^    {word.title().replace('-', '')}\b", code, re.M) for word in commands
    )


def named(words, option):
    return words[words.index(option) :][:2] if option in words else []


def profile(words):
    found = named(words, "--profile") or named(words, "--cargo-profile")
    return found if found[1:] and found[1] in tomllib.loads(read("Cargo.toml"))["profile"] else []


def test_a_command_that_nothing_takes_is_none():
    assert is_command("cargo run -p payonce-storm -- --deliveries 7") and not is_command("cargo run -p payonce-storm -- --delivery 7")
    assert is_command("cargo run --release -p payonce-benchmark -- sweeper")
    assert not is_command("cargo run --release -p payonce-benchmark -- sweepers")
    assert not is_command("cargo run -p payonce-storms") and not is_command("cargo run --fast -p payonce-storm")
    assert is_command("infra/game-day --quick") and not is_command("infra/game-day --slow") and not is_command("infra/deploy.md")
    assert not is_command("cargo run --release -p payonce-books --example thousand")
    assert is_command("cargo run --profile model -p payonce-model") and not is_command("cargo run --profile models -p payonce-model")


# --- The lines -----------------------------------------------------------------------------------------------------------


def test_every_row_of_a_table_is_a_promise():
    rows = [row for row in SPECIFICATION.split("\n## ", 1)[1].splitlines() if row.startswith("| ") and not row.startswith("| id |")]
    assert len(rows) == len(ROWS) > 70, [row for row in rows if not re.match(r"\| [A-Z]+-\d+ \| .+ \| .+ \|$", row)]


def test_each_id_is_its_own_and_stands_in_order():
    """A number is not used again: what was promised under it may be quoted somewhere."""
    assert len(LINES) == len(ROWS)
    for section in SPECIFICATION.split("\n## ")[1:]:
        numbers = re.findall(r"^\| ([A-Z]+)-(\d+) \|", section, re.M)
        for prefix in {prefix for prefix, _ in numbers}:
            of_it = [int(number) for name, number in numbers if name == prefix]
            assert of_it == sorted(of_it) and f"| {prefix}-" not in SPECIFICATION.replace(section, ""), prefix


@pytest.mark.parametrize("line", LINES)
def test_a_promise_is_held_by_what_is_there_or_is_pending(line):
    promise, cell = LINES[line]
    assert re.match(r"[A-Z0-9`]", promise) and promise.endswith("."), f"no sentence: {promise}"
    assert "*pending*" not in promise
    if cell.startswith(PENDING):
        assert len(cell.split()) > 5 and cell.endswith("."), f"without a reason: {cell}"
        return
    assert "pending" not in cell
    missing = [name for name, path in held_by(cell) if not (is_there(name, path) if path else is_command(name))]
    assert missing == [], f"nothing of this name: {missing}"


# --- The numbers ---------------------------------------------------------------------------------------------------------


TIME = {"ms": 1, "s": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
SIZE = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}
UNITS = TIME | SIZE | {f"{unit}s": ms for unit, ms in TIME.items() if len(unit) > 2}
# Not those of a name, such as SHA-256.
NUMBER = re.compile(r"(?<![\w.-])(\d+(?:,\d{3})*(?:\.\d+)?)(?: (ms|s|minutes?|hours?|days?|B|KiB|MiB)\b)?")


def numbers(promise):
    """As they stand in it; what is code is a name or a status."""
    return [(m[0], float(m[1].replace(",", "")) * UNITS.get(m[2], 1)) for m in NUMBER.finditer(re.sub(r"`[^`]*`", "", promise))]


def ms(count, unit):
    return count * TIME[unit]


def calculated(expression, path):
    """A constant's expression. Names are constants of the same file, or else of the same crate."""
    for pattern, by in ((r"Duration::from_secs\((.+)\)", r"((\1) * 1000)"), (r"Duration::from_millis\((.+)\)", r"(\1)"), (r"(?<=\d)_(?=\d)", "")):
        expression = re.sub(pattern, by, expression)
    expression = re.sub(r"\b[A-Z][A-Z_]+\b", lambda name: str(constant(path, name[0])), expression)
    assert re.fullmatch(r"[\d\s+*()\[\].,<-]+", expression), expression
    return eval(compile(ast.parse(expression, mode="eval"), path, "eval"), {"__builtins__": {}})


def constant(path, name, unit=None):
    """Of a Rust file: in milliseconds where it is a time that says so (a duration, or `_MS` and `_S`), else as it stands or in `unit`."""
    folder = ROOT / path.split("/src/")[0] / "src"
    for file in (path, *(str(other.relative_to(ROOT)) for other in sorted(folder.rglob("*.rs")) if "/src/" in path)):
        found = re.findall(rf"const {name}: [^=]+ = (.+?);", read(file), re.S)
        if found:
            value = calculated(found[0], file)
            return ms(value, unit) if unit else value
    raise AssertionError(f"{path} has no constant {name}")


def stated(path, pattern, unit=None):
    """What a pattern finds in a file, once or always the same."""
    return found_in(read(path), pattern, unit, path)


def found_in(text, pattern, unit, where):
    found = {value.replace("_", "").replace(",", "") for value in re.findall(pattern, text, re.M)}
    assert len(found) == 1, f"{pattern!r} finds {sorted(found)} in {where}"
    value = float(found.pop())
    return value * UNITS[unit] if unit else value


def function(path, name):
    """The text of one function."""
    [body] = re.findall(rf"^ *(?:pub )?(?:async )?(?:fn|def) {name}\(.*?(?=^ *(?:#\[|///|(?:pub )?(?:async )?fn )|\Z)", read(path), re.M | re.S)
    return body


def in_test(path, name, pattern, unit=None):
    return found_in(function(path, name), pattern, unit, f"{path}: {name}")


def alarm(name, *fields):
    """Of infra/alarms.json, times in seconds."""
    [found] = [one for one in json.loads(read("infra/alarms.json"))["alarms"] if one["AlarmName"] == f"payonce-{name}"]
    product = 1
    for field in fields:
        product *= float(found[field])
    return product


def default_of(name):
    """Of a parameter of the template, written on one line or on several."""
    template = read("infra/template.yaml")
    [found] = re.findall(rf"^  {name}: \{{[^}}]*?Default: (\d+)|^  {name}:\n    Type: Number\n    Default: (\d+)", template, re.M)
    return int("".join(found))


def scale(row):
    """A figure of the bill in infra/scale.md, which a test of the command `cost` holds."""
    return stated("infra/scale.md", row)


def count(path, pattern):
    return len(re.findall(pattern, read(path), re.M))


END_TO_END = "tests/end_to_end/tests/whole/"
SWEEP, HOLD, RELEASE, REISSUE = (f"shared/protocol/src/{name}.rs" for name in ("sweep", "hold", "release", "reissue"))
CONFIG, SECRETS, STORM = "shared/runtime/src/config.rs", "shared/runtime/src/secrets.rs", "tests/storm/tests/release.rs"
BENCHMARK, SWEEPS, LARGE = "tests/benchmark/src/main.rs", "tests/benchmark/src/sweeps.rs", ENGINES + "large.rs"
TEMPLATE, RECONCILER = "infra/template.yaml", "functions/reconciler/src/config.rs"
SLO, PROVIDERS_ALARMS = "shared/protocol/src/slo.rs", "infra/catalogue/src/alarms/provider.rs"


def in_alarm(name, field):
    """Of one that only providers have of whom it is known how long they wait."""
    [alarm] = re.findall(rf'name: "{name}",(.*?)\.\.EACH', read(PROVIDERS_ALARMS), re.S)
    return found_in(alarm, rf"{field}: ([\d_]+)", None, name)


def limit(name):
    return stated(CONFIG, rf"^            {name}: ([\d_]+),")


def visit(number):
    return ms(constant(SWEEP, "VISITS")[number], "minute")


def flag(name):
    """What the benchmark allows where nothing is said."""
    return stated(BENCHMARK, rf"default_value_t = ([\d_.]+)\)\]\n    {name}:")


def sweeps(name):
    return stated(SWEEPS, rf"default_value_t = ([\d_]+)\)\]\n    {name}:")


def variants(path, enum):
    [body] = re.findall(rf"^ *pub enum {enum} \{{\n(.*?)^ *\}}", read(path), re.M | re.S)
    return len(re.findall(r"^ *[A-Z]\w+(?: = \"\w+\")?,$", body, re.M))


def storm_events():
    return stated("infra/measured.md", r"10,000 deliveries with ([\d,]+) events")


# id → the promise's numbers in their order, as they are where they come from. 0 needs no source.
NUMBERS = {
    "SAFE-1": lambda: [stated(MODEL, r"claim\.requests <= (\d)")],
    "SAFE-2": lambda: [stated(MODEL, r"people\.by_hand\) <= (\d)"), in_test(END_TO_END + "deliveries.rs", "pays_once_for_sixty_four_copies_at_once", r"in 0\.\.(\d+)")],
    "SAFE-4": lambda: [in_test(ENGINES + "environment.rs", "no_environment_changes_what_is_retried", r"environments\.len\(\), (\d+)")],
    "SAFE-5": lambda: [stated(END_TO_END + "crashes.rs", r"minutes_pass\((\d+)\)", "minutes")],
    "SAFE-6": lambda: [
        constant(END_TO_END + "fan_out.rs", "EVENTS"),
        in_test(END_TO_END + "fan_out.rs", "redelivery_goes_on_after_a_death_half_way", r"paid\(&world\)\.len\(\), (\d+)\)"),
        stated(END_TO_END + "fan_out.rs", r"POISONED: \[usize; (\d+)\]"),
    ],
    "SAFE-7": lambda: [stated(STORM, r"Deliveries\(([\d_]+)\)"), stated(STORM, r"kills >= (\d+)"), stated(STORM, r"restores, (\d)\)")],
    "SAFE-8": lambda: [
        stated("SPECIFICATION.md", r"-- --deliveries (\d+) --seed 7`"),
        storm_events(),
        stated("tests/storm/src/books.rs", r"upper end of the (\d+) % interval"),
        -(-3_000_000 // storm_events()),
    ],
    "SAFE-9": lambda: [variants("tests/model/src/fault.rs", "Fault"), *[stated("tests/model/src/worlds.rs", pattern) for pattern in (r"copies\((\d+), \d+, faults", r"copies\(\d+, (\d+), faults")], stated("tests/model/tests/protocol.rs", r"states >= ([\d_]+)"), count(MUTATIONS, r"^#\[test\]$")],
    "SAFE-11": lambda: [in_test(END_TO_END + "sweeps.rs", "a_refused_event_that_never_comes_back_is_a_case", r"minutes_pass\((\d+)\)", "minutes")],
    "SAFE-14": lambda: [len(re.findall(r'\(\s*"(?:token|same_person|role)",', function(END_TO_END + "further_attempts.rs", "refuses_every_token_that_is_not_for_this")))],
    "SAFE-15": lambda: [constant(REISSUE, "KEY_LIFE_MARGIN_MS"), in_test(REISSUE, "unknown", r"absent\(last, rail, now, (\d)\)")],
    "SAFE-16": lambda: [constant("shared/ledger/src/cases/batch.rs", "LINES_AT_MOST")],
    "REST-1": lambda: [visit(2)],
    "REST-2": lambda: [constant(SWEEP, "MARGIN_MS")],
    "REST-3": lambda: [
        calculated(re.findall(r"key_life_ms: Some\((.+)\)", read("shared/rails/src/stripe.rs"))[0], "stripe.rs"),
        stated("shared/rails/src/stripe.rs", r"settle_ms: ([\d_]+)"),
    ],
    "DENY-2": lambda: [in_test("shared/providers/tests/suite/signature.rs", "one_changed_byte_is_refused", r"in 0\.\.([\d_]+)")],
    "DENY-3": lambda: [in_test("shared/providers/tests/suite/signature.rs", "a_signature_from_the_future_or_too_old_is_refused", r"T \+ ([\d_]+)\), Ok")],
    "DENY-4": lambda: [constant("shared/providers/src/preset.rs", "MEBIBYTE"), constant("shared/providers/src/provider.rs", "MAX_BODY_BYTES")],
    "DENY-5": lambda: [constant("shared/providers/src/event.rs", "MAX_EVENTS")],
    "DENY-9": lambda: [count("shared/providers/src/preset/known.rs", r"^    name: \"")],
    "DENY-11": lambda: [count("tests/fuzz/src/lib.rs", r"^    Target \{ name"), stated("tests/run", r"tests/fuzz/run --runs (\d+)")],
    "FAST-1": lambda: [in_test(END_TO_END + "deliveries.rs", "a_warm_delivery_makes_three_trips_and_writes_six_units", r"seen\.len\(\), (3)\)")],
    "FAST-2": lambda: [
        ms(default_of("DeliverySeconds"), "s"),
        *map(limit, ("connect_ms", "claim_ms", "payout_ms", "record_ms")),
    ],
    "FAST-3": lambda: [ms(default_of("FunctionTimeoutSeconds"), "s"), default_of("GatewayTimeoutMilliseconds")],
    "FAST-4": lambda: [
        constant(RELEASE, "LONGEST_FUNCTION_MS"),
        constant("functions/console/src/invoke.rs", "WITHIN"),
        stated("infra/catalogue/templates/console.yaml", r"^      Timeout: (\d+)", "s"),
        stated("infra/catalogue/templates/console.yaml", r"TimeoutInMillis: (\d+)"),
    ],
    "FAST-5": lambda: [flag("max_init_ms"), flag("starts")],
    "FAST-6": lambda: [
        ms(in_alarm("slow", "period_s") * in_alarm("slow", "evaluation_periods"), "s"),
        100 - stated(PROVIDERS_ALARMS, r"statistic: Statistic::P(\d+)"),
        100,
        stated(PROVIDERS_ALARMS, r"PercentOfPatience\((\d+)\)"),
    ],
    "COST-1": lambda: [
        stated(ENGINES + "units.rs", r"stripe_event_(\d)kb"),
        in_test(ENGINES + "units.rs", "an_ordinary_event_costs_at_most_six_units", r"spent <= (\d)"),
        in_test(ENGINES + "units.rs", "an_ordinary_event_costs_at_most_six_units", r"units\(&bench\), (\d), \"a duplicate"),
    ],
    "COST-2": lambda: [scale(r"^\| Sweeper's reads \| [\d.]+ \| (\d+) units")],
    "COST-3": lambda: [
        scale(r"^\| 1 \| 2628000 .* \| ([\d.]+) \| [\d.]+ \|$"),
        scale(r"^\| 1 \| 2628000 .* \| ([\d.]+) \|$"),
        scale(r"^\| 1 \| 2628000 \| [\d.]+ \| ([\d.]+) \|"),
    ],
    "SIZE-1": lambda: [flag("max_zip")],
    "SIZE-2": lambda: [flag("max_memory_mib") * SIZE["MiB"], flag("deliveries")],
    "SIZE-3": lambda: [constant(SWEEPS, "MEMORY_AT_MOST_MIB") * SIZE["MiB"]],
    "SIZE-4": lambda: [in_test(ENGINES + "units.rs", "the_longest_claim_costs_a_second_unit", r"size <= ([\d_]+)")],
    "SIZE-5": lambda: [
        constant("functions/console/src/cases/queue.rs", "PAGE_ROWS"),
        in_test("functions/console/tests/pages.rs", "fifty_rows_fit_in_a_hundred_kilobytes", r"html\.len\(\) <= ([\d_]+)"),
    ],
    "SCALE-1": lambda: [
        sweeps("claims"),
        sweeps("claims") / stated(SWEEPS, r"number % (100) != 0"),
        ms(stated(SWEEPS, r"seconds <= ([\d.]+)\)"), "s"),
        stated(SWEEPS, r"requests <= ([\d_]+)\)"),
    ],
    "SCALE-2": lambda: [ms(sweeps("pause"), "minute"), stated(SWEEPS, r"minutes at (\d+) payouts"), stated(SWEEPS, r"runs <= (\d+)")],
    "SCALE-3": lambda: [sweeps("unknown"), sweeps("open"), ms(stated(SWEEPS, r"more <= ([\d.]+)\)"), "s")],
    "SCALE-4": lambda: [
        constant(LARGE, "CASES"),
        constant(LARGE, "OPEN"),
        stated(LARGE, r"Queue::Risk\][\s\S]*?== 50 && requests <= (\d+) && units <= 40"),
        stated(LARGE, r"== 50 && requests <= 32 && units <= (\d+)"),
        stated(LARGE, r"Queue::Incident\(&incident\), None[\s\S]*?== 50 && requests <= (\d+)"),
    ],
    "SCALE-5": lambda: [
        stated("infra/template.yaml", r"the default is (\d+) % of \[rail\]"),
        default_of("RequestsPerSecond"),
        constant("shared/rails/src/config.rs", "STRIPE_PAYOUTS_A_SECOND"),
    ],
    "SCALE-6": lambda: [
        stated("shared/books/examples/million.rs", r"map_or\(([\d_]+), \|rows\|"),
        ms(stated("shared/books/examples/million.rs", r"as_secs\(\) <= (\d+)"), "s"),
        stated("shared/books/examples/million.rs", r"peak_kb <= (\d+) \* 1024") * SIZE["MiB"],
    ],
    "SCALE-7": lambda: [stated("shared/protocol/src/ids.rs", r"const ONE: Self = Self\((\d+)\)"), stated("shared/protocol/src/ids.rs", r"const MOST: Self = Self\((\d+)\)")],
    "SCALE-8": lambda: [stated("infra/scale.md", r"^\| (\d+) \| \[Lambda's concurrency\]")],
    "HEAL-1": lambda: [visit(0), ms(default_of("FunctionTimeoutSeconds"), "s"), constant(SWEEP, "MARGIN_MS")],
    "HEAL-2": lambda: [visit(1), visit(2)],
    "HEAL-3": lambda: [constant(RELEASE, "CONTROL_FRESH_MS"), constant(RELEASE, "SEEN_AFTER_MS")],
    "HEAL-4": lambda: [constant(HOLD, "TRIP_AT_LEAST"), constant(HOLD, "WINDOW_MS")],
    "HEAL-6": lambda: [stated(END_TO_END + "outage.rs", r"map_or\((\d), "), constant(END_TO_END + "outage.rs", "CASES_AT_MOST_OF_ONE_A_SECOND")],
    "HEAL-7": lambda: [
        ms(alarm("sweeper-silent", "Period", "EvaluationPeriods"), "s"),
        ms(alarm("sweeper-behind", "Threshold"), "minute"),
        ms(alarm("sweeper-behind", "Period", "EvaluationPeriods"), "s"),
    ],
    "HEAL-8": lambda: [ms(alarm("webhook-stripe-unrecorded", "Period", "EvaluationPeriods"), "s")],
    "HEAL-9": lambda: [ms(alarm("claims-overwritten", "Period", "EvaluationPeriods"), "s")],
    "HEAL-11": lambda: [constant(SWEEP, "MARGIN_MS")],
    "HEAL-13": lambda: [
        stated(TEMPLATE, r"Type: Canary(\d+)Percent\d+Minutes"),
        stated(TEMPLATE, r"Type: Canary\d+Percent(\d+)Minutes", "minutes"),
        count(PROVIDERS_ALARMS, r"takes_canary_back: true"),
    ],
    "KEEP-2": lambda: [
        ms(limit("body_days"), "day"),
        constant("shared/ledger/src/bodies/body.rs", "MAX_COMPRESSED"),
    ],
    "KEEP-3": lambda: [stated(CENSUS, r"RecoveryPeriodInDays\", one_of = \[(\d+)\]", "days")],
    "KEEP-4": lambda: [ms(default_of("LogDays"), "day"), ms(default_of("AccessLogDays"), "day")],
    "KEEP-6": lambda: [constant("shared/ledger/src/bodies/evidence.rs", "FILE_BYTES_AT_MOST")],
    "LOCK-1": lambda: [constant(SECRETS, "REFRESH_EVERY_MS")],
    "LOCK-2": lambda: [constant(SECRETS, "RENEW_AFTER_MS"), constant(SECRETS, "TRUSTED_FOR_MS")],
    "LOCK-5": lambda: [8 * stated("shared/protocol/src/ids.rs", r"pub struct AttemptId\(pub \[u8; (\d+)\]\)"), in_test("shared/runtime/src/random.rs", "attempt_ids_do_not_repeat", r"ids\.len\(\), ([\d_]+)")],
    "LOCK-6": lambda: [stated(TEMPLATE, r"AllowedPattern: '\[A-Za-z0-9_-\]\{(\d+),\d+\}'")],
    "LOCK-7": lambda: [
        constant("functions/payer/src/tokens.rs", "CHECKER_AT_MOST_MS"),
        constant("shared/protocol/src/approval.rs", "BATCH_SIGN_IN_MS"),
    ],
    "LOCK-8": lambda: [constant("functions/payer/src/tokens.rs", "MAKER_AT_MOST_MS")],
    "LOCK-9": lambda: [
        in_test("shared/identity/tests/identity/config.rs", "defaults_are_as_documented", r'"/roles", (\d+), \d+\)', "minutes"),
        in_test("shared/identity/tests/identity/config.rs", "defaults_are_as_documented", r'"/roles", \d+, (\d+)\)', "hours"),
    ],
    "LOCK-11": lambda: [len(PLACES), len(MUTATIONS_OF_THE_TEMPLATE)],
    "LOCK-12": lambda: [
        stated(TEMPLATE, r"ScheduleExpression: rate\((\d+) minutes\)", "minutes"),
        ms(alarm("retry-audit-silent", "Period", "EvaluationPeriods"), "s"),
    ],
    "LOCK-13": lambda: [ms(alarm("webhook-stripe-unverified", "Period", "EvaluationPeriods"), "s")],
    "BOOK-1": lambda: [stated(RECONCILER, r"Self \{ provider: .*, ours: (\d+), ", "minutes"), ms(alarm("reconciliation-late", "Threshold"), "s")],
    "BOOK-3": lambda: [variants("shared/protocol/src/reconcile/rows.rs", "Book")],
    "BOOK-5": lambda: [ms(float(days), "day") for days in re.findall(r"\((\d+), true\)", function(END_TO_END + "reconciles.rs", "an_accepted_payout_is_looked_at_again_after_one_five_and_thirty_days"))],
    "BOOK-6": lambda: [calculated(re.findall(r"provider: ([\d *]+),", read(RECONCILER))[0], RECONCILER) * TIME["minute"]],
    "BOOK-7": lambda: [constant("functions/reconciler/src/app.rs", "ASKS_AGAIN_MS")],
    "BOOK-9": lambda: [
        constant("shared/protocol/src/silence.rs", "TIMES"),
        calculated(re.findall(r"silence_minutes: ([\d *]+),?\s*\}", read(RECONCILER))[0], RECONCILER) * TIME["minute"],
        constant("shared/protocol/src/silence.rs", "LEARNED_MS"),
    ],
    "BOOK-10": lambda: [len(re.findall(r"^    \(.*\),$", read("tests/reconcile/test_reconcile.py").split("\nMUTATIONS = [\n")[1].split("\n]\n")[0], re.M))],
    "WORK-4": lambda: [stated("tests/template/test_runbooks.py", r"splitlines\(\)\) <= (\d+)")],
    "WORK-9": lambda: [len(listed())],
    # Of thirty days, at so many tenths of the rate at which the budget would last just as long.
    "WORK-11": lambda: [
        stated(SLO, r"Rule\(HOUR, 5, (\d+)\)") / 10 / (30 * 24) * 100,
        stated(SLO, r"Rule\(3 \* DAY, 6 \* HOUR, (\d+)\)") / 10 * 3 / 30 * 100,
        stated(SLO, r"Rule\((\d) \* DAY, 6 \* HOUR", "days"),
        constant(SLO, "LEAST_FAILED"),
    ],
    "WORK-12": lambda: [ms(alarm("case-overdue", "Threshold"), "s")],
    "WORK-13": lambda: [len(list((ROOT / "events").glob("*/")))],
}


@pytest.mark.parametrize("line", LINES)
def test_each_number_is_that_of_the_code(line):
    written = [(text, value) for text, value in numbers(LINES[line][0]) if value]
    found = NUMBERS[line]() if line in NUMBERS else []
    assert [value for _, value in written] == [float(value) for value in found], f"{[text for text, _ in written]}, and there {found}"


def test_no_number_is_held_that_no_line_states():
    assert set(NUMBERS) <= set(LINES)


# --- What other documents name and count ----------------------------------------------------------------------------------


INVARIANTS = re.findall(r"^\| \*\*([a-z0-9-]+)\*\* (.+) \| (.+) \| (.+) \|$", read("ARCHITECTURE.md"), re.M)
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_invariants_are_read_from_their_table():
    assert len(INVARIANTS) == count("ARCHITECTURE.md", r"^\| \*\*[a-z0-9]") > 20


@pytest.mark.parametrize(("holder", "test"), [row[2:] for row in INVARIANTS], ids=[row[0] for row in INVARIANTS])
def test_what_an_invariant_names_is_there(holder, test):
    """Files as they are told there: by their room, without `src`, or by their end. Of the tests each name of three words or more."""
    for path in re.findall(r"`([\w./-]+/[\w./-]+|[\w-]+\.(?:rs|py|toml))`", f"{holder} {test}"):
        room, _, rest = path.partition("/")
        ends = (path, f"/{path}", f"/{room}/src/{rest}")
        assert any(f"/{file}".endswith(ends) or f"/{path.rstrip('/')}/" in f"/{file}" for file in TRACKED), path
    for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", test):
        found = subprocess.run(["git", "grep", "-lE", rf"\bfn {name}\("], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
        assert any(is_rust_test(name, read(file)) for file in found), name


def mutations_of(place):
    return sum(1 for _, of, _ in MUTATIONS_OF_THE_TEMPLATE if of == place)


COUNTED = {
    "faults of the model": ("infra/measured.md", r"under (\d+) kinds of faults", lambda: NUMBERS["SAFE-9"]()[0]),
    "guards of the model": ("infra/measured.md", r"(\d+) guards, each shown", lambda: NUMBERS["SAFE-9"]()[-1]),
    "changes of the template": ("infra/measured.md", r"\*\*(\d+) changes to the template", lambda: len(MUTATIONS_OF_THE_TEMPLATE)),
    "mutations of the template": ("ARCHITECTURE.md", r"\| (\d+) mutations, at least one", lambda: len(MUTATIONS_OF_THE_TEMPLATE)),
    "mutations of items": ("ARCHITECTURE.md", r"`items-of-others`, (\d+) mutations", lambda: mutations_of("items-of-others")),
    "mutations of the SQL": ("ARCHITECTURE.md", r"says the same, (\d+) mutations", lambda: NUMBERS["BOOK-10"]()[0]),
    "mutations of releases": ("ARCHITECTURE.md", r"the model of releases with (\d+) mutations", lambda: count(MUTATIONS, r"^ +pays_twice\(")),
}


@pytest.mark.parametrize("counted", COUNTED)
def test_a_count_in_a_document_is_that_of_the_tests(counted):
    page, pattern, counting = COUNTED[counted]
    assert stated(page, pattern) == counting()
