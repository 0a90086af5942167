"""Finance's day, performed in Chromium as infra/runbooks/finances-day.md writes it."""

import pytest
from person import ROOT, Local
from script import Day, read, sections

PAGE = ROOT / "infra" / "runbooks" / "finances-day.md"
SECTIONS = sections(PAGE.read_text())


@pytest.fixture(scope="module")
def day():
    stack = Local()
    day = Day(stack)
    yield day
    day.close()
    stack.stop()


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_part_of_the_day_goes_otherwise_than_written(day, heading):
    for number, line in SECTIONS[heading]:
        day.perform(number, line)


def test_a_line_that_nobody_can_perform_is_passed_over():
    with pytest.raises(AssertionError, match="Ada dances"):
        read("Ada dances.")
    with pytest.raises(AssertionError, match="line 7"):
        Day(None).perform(7, "Ada dances.")
    assert sum(map(len, SECTIONS.values())) > 60
