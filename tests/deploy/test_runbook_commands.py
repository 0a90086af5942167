"""What the runbooks ask of AWS, word for word, of the stack that deploy.md made. That nothing is on, or in a log, is as good as
that something is: each command must be one that AWS takes, of things that are there."""

import sys

import pytest
from world import ROOT, World

sys.path.append(str(ROOT / "tests" / "template"))
from runbooks import INDEX, RUNBOOKS  # noqa: E402

# Many stand in several pages.
COMMANDS = {block: runbook.name for runbook in [*RUNBOOKS, INDEX] for block in runbook.on_aws()}


@pytest.mark.parametrize("block", COMMANDS, ids=COMMANDS.values())
def test_documented_command_is_answered(world: World, block):
    world.deploy()
    # It fails where a command does.
    world.shell.run(block)
