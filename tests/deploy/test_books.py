"""The reconciler as it is deployed: by its own role it reads the books of yesterday, opens a case of what they lack, and puts its run
on record. First of all tests, because what is yesterday's here was put there by this test."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from deliveries import by_stripe, outcome, payout_key, stripe_event
from world import SECRETS

DAY_MS = 86_400_000
SETTLE_MS = 3_600_000


@pytest.fixture(scope="module", autouse=True)
def deployed(world):
    world.deploy()


def last_window():
    """The day whose books are over and settled by now."""
    to = (int(time.time() * 1000) - SETTLE_MS) // DAY_MS * DAY_MS
    return to - DAY_MS, to


def yesterdays(world, event):
    """The records of a payout once more, as if it had been accepted yesterday at noon under a key of its own. The rail's book has no
    such payout."""
    records = [item for item in world.items("audit") if item["pk"]["S"] == payout_key(event)]
    assert sorted(item["sk"]["S"] for item in records) == ["0001#claim", "0001#outcome"]
    [claim] = [item for item in records if "claimed_at" in item]
    back = int(claim["received_at"]["N"]) - (last_window()[0] + DAY_MS // 2)
    key = f"{payout_key(event)}yesterday"
    for item in records:
        moments = {name: {"N": str(int(item[name]["N"]) - back)} for name in ("received_at", "claimed_at", "expires_at", "recorded_at") if name in item}
        if "bucket" in item:
            shard = item["bucket"]["S"].split("#")[1]
            moments["bucket"] = {"S": f"{int(moments['received_at']['N']) // 60_000}#{shard}"}
        world.client("dynamodb").put_item(TableName="payonce-audit", Item=item | moments | {"pk": {"S": key}})
    return key


def reconciled(world):
    """By the documented command, which waits as long as a run takes and asks once."""
    printed = world.run("The books", 0)
    return json.loads(printed[printed.rindex('{"runs"'):])


def test_documented_run_puts_yesterday_on_record_and_opens_a_case_once(world):
    event = stripe_event()
    assert outcome(by_stripe(world, event)) == (200, "accepted", None)
    key = yesterdays(world, event)
    from_, to = last_window()

    # As if it had first been invoked the day before.
    began = {"pk": {"S": "runs"}, "sk": {"S": "begin"}, "from": {"N": str(from_)}, "v": {"N": "1"}}
    world.client("dynamodb").put_item(TableName="payonce-reconcile", Item=began)
    first = reconciled(world)
    assert (first["runs"], first["cases"]) == (1, 1), first
    [run] = [item for item in world.items("reconcile") if item["pk"]["S"] == "runs" and item["sk"]["S"] != "begin"]
    assert (run["from"]["N"], run["to"]["N"]) == (str(from_), str(to))
    manifest = json.loads(run["manifest"]["S"])
    assert manifest["kinds"]["payout_missing"] == 1, manifest
    # What people read of a run, and what the next one takes up.
    kept = {item["pk"]["S"] for item in world.items("reconcile") if item["pk"]["S"].startswith("run/")}
    assert kept == {f"run/{run['sk']['S']}"} and "carried.jsonl" in run["files"]["M"]
    cases = [item for item in world.items("reconcile") if item["sk"]["S"] == "case" and item.get("key", {}).get("S") == key]
    assert [case["reason"]["S"] for case in cases] == ["payout_missing"]
    assert world.paid(key) == 0, "it is a case: the reconciler pays nothing"

    again = reconciled(world)
    assert (again["runs"], again["cases"]) == (0, 0), again
    assert len([item for item in world.items("reconcile") if item["pk"]["S"] == "runs" and item["sk"]["S"] != "begin"]) == 1


def test_reconciler_writes_no_claim_and_reads_no_secret_that_pays(world):
    session = world.session_of("ReconcilerRole")
    tables, secrets = world.client("dynamodb", session), world.client("secretsmanager", session)
    world.client("secretsmanager").create_secret(Name="payonce/list-stripe", SecretString="rk_test_sandboxOnlyNotASecret")
    for secret in ("payonce/rail", "payonce/stripe", "payonce/console-cookies"):
        with pytest.raises(ClientError, match="AccessDenied"):
            secrets.get_secret_value(SecretId=secret)
    for secret in ("payonce/rail-lookup", "payonce/list-stripe"):
        assert secrets.get_secret_value(SecretId=secret)["SecretString"] == SECRETS["RAIL_LOOKUP_SECRET"]
    item = {"pk": {"S": "stripe/pi_x"}, "sk": {"S": "0001#claim"}}
    with pytest.raises(ClientError, match="AccessDenied"):
        tables.put_item(TableName="payonce-audit", Item=item)
    with pytest.raises(ClientError, match="AccessDenied"):
        tables.scan(TableName="payonce-audit")


def test_only_the_schedules_role_may_invoke_the_reconciler(world):
    def refused(role, qualifier):
        functions = world.client("lambda", world.session_of(role))
        with pytest.raises(ClientError, match="AccessDenied"):
            functions.invoke(FunctionName=f"payonce-reconciler:{qualifier}")

    for role in ("ConsoleRole", "SweeperRole", "PayerRole", "ReconcilerRole"):
        refused(role, "live")
    refused("ScheduleRole", "$LATEST")
