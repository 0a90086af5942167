"""The runbooks against the alarms of the template, against their index, and against a local stack: what on-call reads at night is
there, leads somewhere, and runs. tests/deploy runs their commands for AWS."""

import json
import os
import re
import subprocess
import urllib.parse

import pytest
from runbooks import FOLDER, HEADINGS, INDEX, PAYONCE, ROOT, RUNBOOKS
from translated import REGION, plain, translate

PROGRAM = os.environ.get("PAYONCE", str(ROOT / "target" / "debug" / "payonce"))
# Pages whose links are followed.
PAGES = [*sorted(FOLDER.glob("*.md")), *sorted((ROOT / "infra").glob("*.md")), *sorted(ROOT.glob("*.md"))]


ALARMS = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}


def led_to(alarm):
    """By the address at the end of its description."""
    to = re.search(r"Runbook: \$\{RunbookUrl\}([a-z0-9-]+)\.md$", plain(alarm["Properties"]["AlarmDescription"]))
    return to and to[1]


def test_each_alarm_leads_to_its_runbook():
    alarms = [r for r in translate()["Resources"].values() if r["Type"] in ALARMS]
    assert len(alarms) > 28
    known = {runbook.name for runbook in RUNBOOKS}
    assert {r["Properties"]["AlarmName"] for r in alarms if led_to(r) not in known} == set()


def test_runbook_of_several_alarms_leads_to_that_of_each():
    resources = translate()["Resources"]
    composed = [r for r in resources.values() if r["Type"] == "AWS::CloudWatch::CompositeAlarm"]
    # Of two providers two causes each, and one of the whole stack.
    assert len(composed) == 5
    for alarm in composed:
        members = re.findall(r"ALARM\(\"\$\{(\w+)\}\"\)", alarm["Properties"]["AlarmRule"]["Fn::Sub"])
        page = (FOLDER / f"{led_to(alarm)}.md").read_text()
        assert members and {to for member in members if f"]({(to := led_to(resources[member]))}.md)" not in page} == set()


def of_alarms():
    """The runbooks that the list of alarms leads to."""
    return set(re.findall(r"\| \[([a-z0-9-]+)\]\(\1\.md\) \|$", (FOLDER / "alarms.md").read_text(), re.M))


@pytest.mark.parametrize("runbook", [runbook for runbook in RUNBOOKS if runbook.name in of_alarms()], ids=lambda runbook: runbook.name)
def test_runbook_of_an_alarm_leads_with_whether_to_hold_payouts(runbook):
    """After the first sentence, before anything is looked at."""
    assert re.match(r"\*\*Hold payouts\?\*\* (No|Yes|Only if|They )", runbook.text.split("\n\n")[3]), runbook.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_figures_are_printed_in_the_order_of_time(page):
    """CloudWatch gives them in none: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html"""
    asked = re.findall(r"get-metric-statistics .*", page.read_text())
    assert [line for line in asked if "sort_by(Datapoints,&Timestamp)" not in line] == []


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda runbook: runbook.name)
def test_runbook_has_its_five_parts_and_begins_with_the_money(runbook):
    assert runbook.text.startswith(f"# {runbook.name}\n\n## {HEADINGS[0]}\n\n")
    assert runbook.headings() == HEADINGS
    parts = re.split(r"^## .+$", runbook.text, flags=re.M)[1:]
    assert all(part.strip() for part in parts), "a part is empty"
    # One sentence: it ends once, at its end.
    assert re.fullmatch(r"[A-Z][^.!?]*\.", runbook.money()), runbook.money()
    assert len(runbook.text.splitlines()) <= 110, "nobody finds a step in it within two minutes"


def test_index_names_each_runbook_with_its_sentence_about_money():
    """Of an alarm the list that is made with the template, of a situation the page by hand."""
    listed = dict(re.findall(r"^\| \[([a-z0-9-]+)\]\(\1\.md\) \| (.+) \|$", INDEX.text, re.M))
    for runbook in RUNBOOKS:
        assert (runbook.name in of_alarms()) != (runbook.name in listed), runbook.name
        assert listed.get(runbook.name, runbook.money()) == runbook.money()
    assert of_alarms() <= {runbook.name for runbook in RUNBOOKS}


def anchor(heading):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def links(text):
    without_code = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", without_code) if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page):
    for link in links(page.read_text()):
        path, _, part = urllib.parse.unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if part:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.M)
            assert part in map(anchor, headings), f"{link}: there is no such heading"


@pytest.mark.parametrize("runbook", [*RUNBOOKS, INDEX], ids=lambda runbook: runbook.name)
def test_command_is_one_of_payonce_or_one_of_aws(runbook):
    for block in runbook.blocks():
        assert (block in runbook.on_aws()) != (block in runbook.by_payonce()), block
        assert subprocess.run(["bash", "-n"], input=block, text=True).returncode == 0, block
    # `--json` and others would be another program's.
    assert "target/" not in runbook.text


@pytest.fixture(scope="module")
def stack():
    """A local stack, and what a shell needs for its commands."""
    assert os.path.exists(PROGRAM), "`cargo build` makes it, or PAYONCE names another one"
    child = subprocess.Popen([PROGRAM, "--no-play", "--port", "0", "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    said = {}
    while "up" not in said:
        line = json.loads(child.stdout.readline())
        said[line["kind"]] = line
    yield said["stack"]
    child.kill()
    child.wait()


def shell(stack):
    keys = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_REGION": REGION}
    return {"PATH": os.environ["PATH"], "USER": "on-call", "AWS_ENDPOINT_URL": stack["dynamodb"], **keys}


# Many stand in several pages.
COMMANDS = {block: runbook.name for runbook in [*RUNBOOKS, INDEX] for block in runbook.by_payonce()}


@pytest.mark.parametrize("block", COMMANDS, ids=COMMANDS.values())
def test_command_of_payonce_runs_on_the_local_stack(block, stack):
    port = stack["front"].rsplit(":", 1)[1]
    here = block.replace(f"{PAYONCE}reconcile ", f"{PAYONCE}reconcile --local {port} ").replace(PAYONCE, f"{PROGRAM} ")
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", here], cwd=ROOT, env=shell(stack), capture_output=True, text=True)
    # The sandbox's providers have no list that could be asked, and so there is no verdict.
    expected = 2 if "reconcile" in block else 0
    assert run.returncode == expected, f"{block}\n{run.stdout}{run.stderr}"
    if expected == 2:
        # Where the machine is busy its tables may be too slow for the index of a whole day, which is said, too.
        assert run.stdout.startswith("INCOMPLETE") or "by minute: timeout" in run.stderr, run.stdout + run.stderr
    for mode in re.findall(r"control (hold --mode record|hold|release)", block):
        says = {"hold --mode record": "record", "hold": "refuse", "release": "pay"}[mode]
        assert re.search(rf"^hold +{says}$", run.stdout, re.M), run.stdout
