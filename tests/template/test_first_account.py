"""What only a real account can show is one list, in infra/deploy.md, and `infra/first-account` looks at each line of it."""

import importlib.machinery
import importlib.util
import re

from translated import ROOT

HEADING = "## What no real account has seen yet"


def script():
    loader = importlib.machinery.SourceFileLoader("first_account", str(ROOT / "infra" / "first-account"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("first_account", loader))
    loader.exec_module(module)
    return module


def listed():
    section = (ROOT / "infra" / "deploy.md").read_text().split(HEADING)[1]
    return dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", section, re.M))


def test_each_statement_of_the_list_is_looked_at_and_no_other():
    assert listed() == {name: check.__doc__ for name, check in script().CHECKS.items()}


def test_it_only_reads():
    for asked in re.findall(r'aws\(\s*"[a-z]+", "([a-z-]+)"', (ROOT / "infra" / "first-account").read_text()):
        assert asked.startswith(("describe-", "get-", "list-", "lookup-")), asked


def test_what_cannot_be_asked_is_not_seen_and_never_as_stated(monkeypatch, capsys):
    module = script()

    def silent(*arguments):
        raise module.NoAnswer("no credentials")

    monkeypatch.setattr(module, "aws", silent)
    assert module.main([]) == 2 or module.main([]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed and not any(line.startswith(module.AS_STATED) for line in printed)
