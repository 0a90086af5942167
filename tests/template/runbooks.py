"""The runbooks as they are read: their parts, and the commands that stand in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra" / "runbooks"
# Pages of the same folder that are read from the beginning to the end, and tried by tests of their own.
GUIDES = {"README", "alarms", "engineers-first-hour", "finance-guide", "finances-day"}
HEADINGS = ["For the money", "Look", "Do", "Never", "Call finance when"]


@dataclass
class Runbook:
    name: str
    text: str

    def headings(self):
        return re.findall(r"^## (.+)$", self.text, re.M)

    def money(self):
        """The first paragraph under the first heading, on one line."""
        return " ".join(self.text.split(f"## {HEADINGS[0]}\n\n", 1)[-1].split("\n\n")[0].split())

    def blocks(self):
        """What is run: the `sh` blocks. What is for a person's eyes alone is a `console` block."""
        return re.findall(r"^```sh\n(.*?)^```$", self.text, re.M | re.S)

    def on_aws(self):
        return [block for block in self.blocks() if re.search(r"\baws ", block)]

    def by_payonce(self):
        return [block for block in self.blocks() if PAYONCE in block]


PAYONCE = "cargo run -q -- "


def runbook(name):
    return Runbook(name, (FOLDER / f"{name}.md").read_text())


RUNBOOKS = [runbook(path.stem) for path in sorted(FOLDER.glob("*.md")) if path.stem not in GUIDES]
INDEX = runbook("README")
