"""The day of two people, in Chromium, on the deployed console: what they do is tests/browser's, and here the functions, the
tables and the issuer are those of the stack."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from people import ada, ben, people  # noqa: E402, F401
from test_day import (  # noqa: E402, F401
    test_two_people_decide_without_any_script,
    test_two_people_pay_once,
    test_proposal_that_is_sent_back_reaches_its_maker,
    test_many_cases_have_a_preview_and_a_result_each,
    test_signed_out_person_reads_nothing,
    test_second_of_two_approvers_is_told_that_the_case_changed,
)


class Deployed:
    """What tests/browser wants of a stack."""

    def __init__(self, desk):
        self.desk, self.base = desk, desk.base_url

    def refused(self, amount=1200):
        return self.desk.open_case("payout_rejected", "acct_sandboxRefuses")[0]

    def never_sent(self, *payees):
        return [case for case, _ in self.desk.open_cases(not_sent=len(payees), rejected=0)]

    @staticmethod
    def choose(person, login):
        """At the certified issuer, which asks for a name and any password, and once whether the console may know it."""
        while not person.browser.current_url.startswith(person.stack.base):
            if person.has("//input[@name='login']"):
                person.write("//input[@name='login']", login)
                person.write("//input[@name='password']", "anything")
            person.go("//button[@type='submit']")


@pytest.fixture(scope="session")
def stack(desk):
    stack = Deployed(desk)
    # A new stack can be held once it has seen a delivery.
    stack.refused()
    return stack
