"""The finance desk of the deployed stack: the console's address, people of the issuer's, and cases to work on. What signs in
through it is a `Visit` here, or any other browser on this machine (tests/browser).

    python tests/deploy/desk.py     deploys, says in one line of JSON where and what, and stays up until its input ends
"""

import json
import sys
from dataclasses import dataclass, field

from deliveries import by_stripe, outcome, payout_key, stripe_event
from windowless import Browser
from world import World, wait_for

# At the issuer, whose page asks for a name and takes any password.
PEOPLE = {"ada": "analyst", "ben": "approver", "dee": "approver", "eve": "viewer", "olu": "auditor", "nik": None}


@dataclass
class Desk:
    world: object
    base_url: str  # of the console, without a slash at its end
    people: dict = field(default_factory=lambda: dict(PEOPLE))
    cases: dict = field(default_factory=dict)  # ids of the cases that were opened here, by reason

    def open_case(self, reason, payee="acct_sandboxPays"):
        """A delivery that ends as a case; its id and its payout key."""
        event = stripe_event(payee)
        answer = by_stripe(self.world, event)
        assert (answer[0], outcome(answer)[2]) == (200, reason), answer
        case = self.case_of(payout_key(event))
        self.cases.setdefault(reason, []).append(case)
        return case, payout_key(event)

    def open_cases(self, not_sent=3, rejected=1):
        """Requests that never left, because somebody held payouts, and refusals of the rail's."""
        opened = [self.open_case("payout_rejected", "acct_sandboxRefuses") for _ in range(rejected)]
        self.world.shell.run('cargo run -q -- control hold --mode record --by "$USER" --why "an outage of the rail"')
        # A running function believes the control item for some seconds. What still goes through is paid, and no case.
        wait_for("the function to obey", lambda: outcome(by_stripe(self.world, stripe_event()))[1] == "not_sent")
        opened += [self.open_case("payout_not_sent") for _ in range(not_sent)]
        self.world.shell.run('cargo run -q -- control release --by "$USER" --why "the outage is over"')
        return opened

    def item(self, case):
        """The case as the table has it."""
        key = {"pk": {"S": case}, "sk": {"S": "case"}}
        return self.world.client("dynamodb").get_item(TableName="payonce-reconcile", Key=key, ConsistentRead=True)["Item"]

    def case_of(self, key):
        [case] = [item["pk"]["S"] for item in self.world.items("reconcile") if item["sk"]["S"] == "case" and item.get("key", {}).get("S") == key]
        return case

    def attempts(self, key):
        return sorted(item["sk"]["S"] for item in self.world.items("audit") if item["pk"]["S"] == key)

    def visit(self, person):
        return Visit(self, person)


class Visit:
    """One person, signed in."""

    def __init__(self, desk, person):
        self.desk, self.person, self.browser = desk, person, Browser()
        self.page = self.browser.past_the_issuer(self.browser.go(f"{desk.base_url}/sign-in"), person)

    def see(self, path=""):
        self.page = self.browser.go(self.desk.base_url + path)
        return self.page

    def act(self, case, act, **fields):
        """By the page's own form; where it moves money the issuer asks once more who it is."""
        address, given = self.see(f"/cases/{case}").form(f"/{act}")
        page = self.browser.go(address, given | fields)
        self.page = self.browser.past_the_issuer(page, self.person)
        return self.page


def open_desk(world):
    """The stack, deployed, and the issuer for it."""
    world.deploy()
    world.start_issuer()
    return Desk(world, world.output("Console"))


if __name__ == "__main__":
    world = World()
    try:
        desk = open_desk(world)
        desk.open_cases()
        print(json.dumps({"base_url": desk.base_url, "people": desk.people, "cases": desk.cases}), flush=True)
        sys.stdin.read()
    finally:
        world.stop()
