"""README.md is what a stranger reads: short, quoting nothing that is not so, and leading to every other page."""

import re

from translated import ROOT

README = (ROOT / "README.md").read_text()


def test_readme_is_read_in_five_minutes():
    assert len(README.splitlines()) <= 200


def test_readme_quotes_lines_of_the_play_in_their_order():
    """Those of infra/local.md, which a test of the local stack compares with the play itself."""
    play = r"^```text\n(\$ cargo run -- --exit\n.*?)^```$"
    [quoted], [whole] = (re.findall(play, text, re.M | re.S) for text in (README, (ROOT / "infra" / "local.md").read_text()))
    lines = iter(whole.splitlines())
    # Each is looked for behind the one before it.
    assert [line for line in quoted.splitlines() if line != "…" and line not in lines] == []
    assert "0 paid twice, 0 lost" in quoted


def test_readme_leads_to_every_page():
    pages = {path.name for path in [*ROOT.glob("*.md"), *(ROOT / "infra").glob("*.md")]} - {"README.md"}
    linked = {link.split("/")[-1] for link in re.findall(r"\]\(([\w./-]+\.md)\)", README)}
    assert pages - linked == set()


def test_readme_and_the_bill_state_one_price():
    [one] = re.findall(r"A million accepted deliveries cost \$([\d.]+) to run and \$([\d.]+) ", README)
    assert re.search(rf"^\| 1 \| 2628000 .* \| {re.escape(one[0])} \| {re.escape(one[1])} \|$", (ROOT / "infra" / "scale.md").read_text(), re.M)
