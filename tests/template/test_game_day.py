"""The game day, as infra/operating.md starts it: it runs by itself, and its postmortem has the counts that one must hold."""

import re
import subprocess

from runbooks import ROOT

GAME_DAY = ROOT / "infra" / "game-day"


def test_game_day_runs_unattended_and_ends_with_nothing_paid_twice_or_lost():
    ran = subprocess.run([GAME_DAY, "--quick"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    postmortem = ran.stdout.split("# Postmortem of a game day\n")[1]
    rows = dict(re.findall(r"^(\S.*?) {2,}(.+)$", postmortem, re.M))
    assert (rows["paid twice"], rows["lost"]) == ("0", "0")
    assert rows["payonce's own books"] == "agree: 0 paid twice, 0 lost"
    assert re.fullmatch(r"\d+, 0 of them still with the provider", rows["events that ask for money"])
    deliveries, ok, fault, hold, unverified = map(int, re.findall(r"\d+", rows["deliveries"])[:1] + re.findall(r"(\d+) (?:answered 2xx|503 by fault|503 by hold|401)", rows["deliveries"]))
    assert deliveries == ok + fault + hold + unverified and min(ok, fault, hold, unverified) > 0, rows["deliveries"]
    made = int(rows["payouts"].split()[0])
    assert made >= 30 and int(rows["cases"].split()[0]) >= 19, (rows["payouts"], rows["cases"])
    assert "the sweeper stopped payouts by itself" in postmortem
    for secret in re.findall(r"\w+NotASecret\w*", (ROOT / "infra/local/src/stack.rs").read_text()):
        assert secret not in ran.stdout + ran.stderr


def test_game_day_says_what_it_takes_when_it_is_called_wrongly():
    wrong = subprocess.run([GAME_DAY, "--slowly"], capture_output=True, text=True)
    assert wrong.returncode == 1 and "--quick" in wrong.stderr


def test_postmortem_of_the_game_day_has_the_counts_of_the_template():
    """What operating.md asks of a postmortem, the script fills in, under the same names."""
    template = (ROOT / "infra" / "operating.md").read_text().split("```text\n")[1].split("```")[0]
    asked = re.findall(r"^(deliveries|events that ask for money|payouts|cases|paid twice|lost|money at risk|longest wait)\b", template, re.M)
    script = GAME_DAY.read_text()
    assert len(asked) == 8 and all(f'("{name}", f"' in script for name in asked)
