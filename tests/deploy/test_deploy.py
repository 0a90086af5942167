"""infra/deploy.md word for word, and what must hold of the stack that it makes. One story, told in order: each test leaves
the stack to the next."""

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from datetime import UTC, datetime

import pytest
import standardwebhooks
from botocore.exceptions import ClientError
from deliveries import by_stripe, outcome, payout_key, stripe_event
from world import ROOT, SECRETS, STANDARD_WEBHOOKS_SECRET, World, documented, wait_for

DOCUMENTED = documented()
SESSION = {}
run = World.run


def by_standard_webhooks(world, event_id, data, at=None):
    """Signed by the library of Standard Webhooks."""
    at = at or datetime.now(UTC)
    body = json.dumps({"type": "payment.succeeded", "timestamp": at.isoformat(), "data": data})
    signature = standardwebhooks.Webhook(STANDARD_WEBHOOKS_SECRET).sign(event_id, at, body)
    headers = {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return world.post(f"/webhooks/standardwebhooks/{world.token()}", body, headers)


def test_documented_commands_deploy(world):
    world.deploy()
    names = {f["FunctionName"] for f in world.client("lambda").list_functions()["Functions"]}
    others = {"payonce-sweeper", "payonce-reconciler", "payonce-retry-audit", "payonce-audit-watch", "payonce-notices", "payonce-console", "payonce-payer"}
    assert names == {"payonce-webhook-stripe", "payonce-webhook-standardwebhooks", *others}


def allow_what_the_emulator_calls_otherwise(world):
    """The emulator takes most of what retry-audit asks Lambda for another action, and a table's policy for that of every table.
    Every other role stays as it was deployed."""
    [role] = [r for r in world.client("iam").list_roles()["Roles"] if "RetryAuditRole" in r["RoleName"]]
    statement = {"Effect": "Allow", "Action": ["lambda:GetFunction", "lambda:PutFunctionConcurrency", "dynamodb:GetResourcePolicy"], "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    world.client("iam").put_role_policy(RoleName=role["RoleName"], PolicyName="emulator", PolicyDocument=json.dumps(policy))


# What the emulator's CloudFormation reads over. AWS's own API sets it here; tests/template holds the template against it.
LEFT_OUT = [
    ("claims-deleted", "backups of payonce-audit", "/PointInTimeRecoveryDescription/PointInTimeRecoveryStatus"),
    ("claims-deleted", "backups of payonce-bodies", "/PointInTimeRecoveryDescription/PointInTimeRecoveryStatus"),
    ("claims-deleted", "backups of payonce-reconcile", "/PointInTimeRecoveryDescription/PointInTimeRecoveryStatus"),
    ("claims-expire", "time_to_live of payonce-bodies", "/AttributeName"),
    ("claims-expire", "time_to_live of payonce-bodies", "/TimeToLiveStatus"),
    ("claims-unprotected", "table_policy_statement of payonce-audit", ""),
]


def make_up_for_the_emulator(world):
    tables = world.client("dynamodb")
    for table in ("audit", "bodies", "reconcile"):
        tables.update_continuous_backups(
            TableName=f"payonce-{table}", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    tables.update_time_to_live(TableName="payonce-bodies", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    protect_claims(world)


def audit_table(world):
    return world.client("dynamodb").describe_table(TableName="payonce-audit")["Table"]["TableArn"]


def protect_claims(world, effect="Deny"):
    """The audit table's own policy, as the template has it."""
    arn = audit_table(world)
    denied = ["UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"]
    statement = {"Sid": "ClaimsAreForever", "Effect": effect, "Principal": "*", "Action": [f"dynamodb:{one}" for one in denied], "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.client("dynamodb").put_resource_policy(ResourceArn=arn, Policy=policy)


def test_audit_names_settings_that_were_not_deployed(world):
    allow_what_the_emulator_calls_otherwise(world)
    assert world.drift() == LEFT_OUT
    make_up_for_the_emulator(world)
    assert world.drift() == []


def test_documented_first_delivery_is_paid_once(world):
    printed = run(world, "The first delivery")
    assert printed.count('"outcome":"accepted"') == 1, printed
    assert printed.count('"outcome":"duplicate"') == 1, printed
    assert '{"drift":[]}' in printed.replace(" ", ""), printed


def test_delivery_of_the_providers_own_library_is_paid_once(world):
    event = stripe_event()
    assert outcome(by_stripe(world, event)) == (200, "accepted", None)
    assert outcome(by_stripe(world, event)) == (200, "duplicate", None)
    assert world.paid(payout_key(event)) == 1

    data = {"payment_id": f"pay_{uuid.uuid4().hex}", "amount": 700, "currency": "EUR", "payee": "acct_sandboxPays"}
    event_id = f"msg_{uuid.uuid4().hex}"
    assert outcome(by_standard_webhooks(world, event_id, data)) == (200, "accepted", None)
    assert outcome(by_standard_webhooks(world, event_id, data)) == (200, "duplicate", None)
    assert world.paid(f"standardwebhooks/{data['payment_id']}") == 1

    sorts = sorted(item["sk"]["S"] for item in world.items("audit") if item["pk"]["S"] == payout_key(event))
    assert sorts == ["0001#claim", "0001#outcome"]


def test_outcome_is_told_on_the_bus(world):
    events, queues = world.client("events"), world.client("sqs")
    queue = queues.create_queue(QueueName="told")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="told", EventBusName="payonce", EventPattern='{"source":["payonce"]}')
    events.put_targets(Rule="told", EventBusName="payonce", Targets=[{"Id": "1", "Arn": arn}])
    event = stripe_event()
    assert outcome(by_stripe(world, event)) == (200, "accepted", None)

    def told():
        messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        found = [json.loads(message["Body"]) for message in messages]
        return next((notice for notice in found if notice["detail"]["payout_key"] == payout_key(event)), None)

    notice = wait_for("a notice", told)
    assert (notice["source"], notice["detail-type"]) == ("payonce", "Payout Attempt Ended")
    assert (notice["detail"]["outcome"], notice["detail"]["attempt"], notice["detail"]["schema"]) == ("accepted", 1, 1)
    # A rule of the owner's is no drift, unless it starts something here.
    assert world.drift() == []
    webhook = world.client("lambda").get_alias(FunctionName="payonce-webhook-stripe", Name="live")["AliasArn"]
    events.put_targets(Rule="told", EventBusName="payonce", Targets=[{"Id": "2", "Arn": webhook}])
    assert {place for place, *_ in world.drift()} == {"event-rules"}
    events.remove_targets(Rule="told", EventBusName="payonce", Ids=["1", "2"])
    events.delete_rule(Name="told", EventBusName="payonce")


def test_first_account_is_asked_what_no_emulator_shows(world):
    """As far as this one goes: what it has is as stated, and the rest is not seen and never taken for good."""
    done = subprocess.run([ROOT / "infra" / "first-account"], cwd=ROOT, env=world.environment, capture_output=True, text=True)
    said = {line[10:].split()[0]: (line[:10].strip(), line) for line in done.stdout.splitlines()}
    print(done.stdout)
    assert done.returncode in (1, 2) and len(said) == 13, done.stdout + done.stderr
    assert not [line for _, line in said.values() if "of another form" in line]
    for name in ("recovery", "dashboards", "streams"):
        assert said[name][0] == "as stated", said[name]
    for name in ("composite-alarms", "canary", "mute-rules"):
        assert said[name][0] == "not seen", said[name]


def test_forged_deliveries_and_unknown_paths_leave_no_trace(world):
    before = len(world.items("audit")), len(world.items("bodies")), len(world.items("reconcile"))
    assert by_stripe(world, stripe_event(), secret="whsec_another")[0] == 401
    assert by_stripe(world, stripe_event(), token="x" * 22)[0] == 404
    assert world.post("/webhooks/stripe", b"{}", {})[0] == 404
    assert (len(world.items("audit")), len(world.items("bodies")), len(world.items("reconcile"))) == before


def test_refused_payout_is_a_case(world):
    event = stripe_event(payee="acct_sandboxRefuses")
    assert outcome(by_stripe(world, event)) == (200, "rejected", "payout_rejected")
    assert "payout_rejected" in world.cases()
    assert world.paid(payout_key(event)) == 0


def workers(world):
    """The webhook functions' processes, by the address of the emulator that they were given."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
        except OSError:
            continue
        if f"AWS_ENDPOINT_URL={world.environment['AWS_ENDPOINT_URL']}".encode() in environment and b"PAYONCE_PROVIDER=stripe" in environment:
            found.append(int(pid))
    return found


def test_dispute_of_what_was_paid_is_a_case_and_of_what_was_not_bars_it(world):
    """The role must allow the look at everything that was paid under the key."""
    paid, barred = stripe_event(), stripe_event()
    assert outcome(by_stripe(world, paid)) == (200, "accepted", None)

    def dispute(event):
        name = f"dp_{event['data']['object']['id']}"
        about = {"id": name, "object": "dispute", "payment_intent": event["data"]["object"]["id"], "livemode": False, "amount": 1200, "currency": "eur", "status": "needs_response"}
        return {"id": f"evt_{name}", "object": "event", "type": "charge.dispute.created", "created": int(time.time()), "livemode": False, "data": {"object": about}}

    assert outcome(by_stripe(world, dispute(paid))) == (200, "filed", "blocked_after_payout")
    assert outcome(by_stripe(world, dispute(barred)))[:2] == (200, "barred")
    assert outcome(by_stripe(world, barred)) == (200, "filed", "blocked_before_payout")
    assert (world.paid(payout_key(paid)), world.paid(payout_key(barred))) == (1, 0)


def test_killed_function_pays_once(world):
    event = stripe_event(payee="acct_sandboxExecutesThenHangs")
    answers = []
    sender = threading.Thread(target=lambda: answers.append(by_stripe(world, event)))
    sender.start()
    wait_for("the payout at the rail", lambda: world.paid(payout_key(event)) == 1)
    for pid in workers(world):
        os.kill(pid, signal.SIGKILL)
    sender.join(60)
    assert answers[0][0] >= 500, answers
    # The provider comes back.
    assert outcome(by_stripe(world, event)) == (200, "duplicate", None)
    assert world.paid(payout_key(event)) == 1
    # The sweeper's schedule runs meanwhile; what it has made of the claim is looked at in the end.
    SESSION["killed"] = payout_key(event)


def test_audit_names_settings_changed_by_hand(world):
    functions = world.client("lambda")
    name = "payonce-webhook-stripe"
    config = {"MaximumEventAgeInSeconds": 60, "DestinationConfig": functions.get_function_event_invoke_config(FunctionName=name, Qualifier="live")["DestinationConfig"]}
    functions.put_function_event_invoke_config(FunctionName=name, Qualifier="live", MaximumRetryAttempts=2, **config)
    assert world.drift() == [("async-retries", f"event_invoke_config of {name}:live", "/MaximumRetryAttempts")]
    functions.put_function_event_invoke_config(FunctionName=name, Qualifier="live", MaximumRetryAttempts=0, **config)

    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert world.drift() == [("reserved-concurrency", f"concurrency of {name}", "/ReservedConcurrentExecutions")]
    functions.delete_function_concurrency(FunctionName=name)

    variables = functions.get_function_configuration(FunctionName="payonce-sweeper")["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName="payonce-sweeper", Environment={"Variables": variables | {"AWS_MAX_ATTEMPTS": "1"}})
    assert world.drift() == [("environment", "configuration of payonce-sweeper:$LATEST", "/Environment/Variables")]
    functions.update_function_configuration(FunctionName="payonce-sweeper", Environment={"Variables": variables})

    world.client("dynamodb").update_table(TableName="payonce-audit", DeletionProtectionEnabled=False)
    assert world.drift() == [("claims-deleted", "table of payonce-audit", "/DeletionProtectionEnabled")]
    world.client("dynamodb").update_table(TableName="payonce-audit", DeletionProtectionEnabled=True)

    protect_claims(world, effect="Allow")
    assert world.drift() == [("claims-unprotected", "table_policy_statement of payonce-audit", "/Effect")]
    world.client("dynamodb").delete_resource_policy(ResourceArn=audit_table(world))
    assert world.drift() == [("claims-unprotected", "table_policy_statement of payonce-audit", "")]
    protect_claims(world)
    assert world.drift() == []


CASE = "20b08ebd-f665-8c43-b6ef-eee1de011172"


@pytest.mark.parametrize(("role", "own", "others"), [
    ("WebhookstripeRole", [CASE], ["control", "sweeper", "runs", "person", "batches", "batch/x"]),
    ("SweeperRole", [CASE, "sweeper", "control"], ["person", "batches", "runs", "run/1795392000000"]),
    ("ReconcilerRole", [CASE, "runs", "run/1795392000000"], ["control", "sweeper", "person", "batches", "batch/x"]),
    ("ConsoleRole", [CASE, "person", "batches", "batch/x"], ["control", "sweeper"]),
    ("PayerRole", [CASE], ["control", "sweeper", "person", "batches"]),
    ("AuditWatchRole", ["control"], [CASE, "sweeper", "person"]),
    ("NoticesRole", [], [CASE, "control", "sweeper", "person"]),
])
def test_each_role_writes_only_its_own_items(world, role, own, others):
    tables = world.client("dynamodb", world.session_of(role))

    def put(*keys):
        # On a condition that is never met, so that nothing is written where the right is there.
        never = {"TableName": "payonce-reconcile", "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(pk)"}
        parts = [{"Put": never | {"Item": {"pk": {"S": key}, "sk": {"S": "tried"}}}} for key in keys]
        with pytest.raises(ClientError) as alone:
            tables.put_item(**parts[0]["Put"])
        with pytest.raises(ClientError) as together:
            tables.transact_write_items(TransactItems=parts)
        return {error.value.response["Error"]["Code"] for error in (alone, together)}

    for key in own:
        assert put(key) == {"ConditionalCheckFailedException", "TransactionCanceledException"}, key
    for key in others:
        assert put(key) == {"AccessDeniedException"}, key
        assert not own or put(own[0], key) == {"ConditionalCheckFailedException", "AccessDeniedException"}, key


def test_overwritten_claim_holds_payouts(world):
    [claim, *_] = [item for item in world.items("audit") if item["sk"]["S"] == "0001#claim"]
    assert world.hold() == "pay"
    world.client("dynamodb").put_item(TableName="payonce-audit", Item=claim | {"amount": {"N": "1"}})
    wait_for("audit-watch", lambda: world.hold() == "refuse")
    event = stripe_event()
    # A running function believes the item for some seconds.
    held = wait_for("the function to obey", lambda: (answer := by_stripe(world, stripe_event()))[0] == 503 and answer)
    assert held[1]["events"][0]["reason"] == "hold"
    assert outcome(by_stripe(world, event)) == (503, "refused", "hold")
    assert world.paid(payout_key(event)) == 0
    SESSION["held"] = event


def test_documented_hold_and_release_pay_once(world):
    printed = run(world, "Hold and release")
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("hold ")] == ["refuse", "refuse", "pay"], printed
    # What was refused comes back and is paid now, once.
    event = SESSION["held"]
    done = wait_for("the function to obey", lambda: (answer := by_stripe(world, event))[0] == 200 and answer)
    assert outcome(done) == (200, "accepted", None)
    assert world.paid(payout_key(event)) == 1


def test_documented_drill_works_and_latest_moves_no_traffic(world):
    live = lambda: world.client("lambda").get_alias(FunctionName="payonce-webhook-stripe", Name="live")["FunctionVersion"]
    before = live()
    heading = "A new version"
    printed = run(world, heading, 0, 1)
    assert live() == before, "new code of $LATEST moves no traffic"
    assert '"statusCode":401' in printed.replace(" ", "") and "no_payout" in printed, printed
    run(world, heading, 2, 3)
    after = live()
    assert after != before
    event = stripe_event()
    assert outcome(by_stripe(world, event)) == (200, "accepted", None)
    run(world, "Back to the version before")
    assert live() not in (after,)
    # Both versions share the claims.
    assert outcome(by_stripe(world, event)) == (200, "duplicate", None)


def released(world, later=0):
    """A delivery that is paid, once the functions have seen the release."""
    answer = wait_for("the functions to obey", lambda: (got := by_stripe(world, stripe_event(later=later)))[0] == 200 and got)
    assert outcome(answer) == (200, "accepted", None)


def test_rules_that_a_person_accepts_cut_over(world):
    late = stripe_event()
    late["created"] -= 3600
    # Another type of event: another way to a payout.
    config = world.here / "infra" / "payonce.toml"
    rule = config.read_text().split("[[providers.stripe.payouts]]")[1].split("\n[")[0]
    assert "payment_intent.succeeded" in rule
    with config.open("a") as file:
        file.write("\n[[providers.stripe.payouts]]" + rule.replace("payment_intent.succeeded", "charge.succeeded"))
    printed = run(world, "New rules of payout keys")
    assert "charge.succeeded: stripe /data/object/id" in printed, printed
    # Warm functions have the configuration that they started with: the version before, which refuses now.
    assert outcome(by_stripe(world, stripe_event()))[:2] == (503, "refused")
    for pid in workers(world):
        os.kill(pid, signal.SIGKILL)
    released(world)
    assert outcome(by_stripe(world, late)) == (200, "filed", "before_cutover")
    assert world.paid(payout_key(late)) == 0


# What is dated sooner after the release of restored tables may be from before it: clocks differ by up to two minutes.
PAST_THE_MARGIN = 130


def test_restored_tables_pay_once_and_only_after_a_release(world):
    """More is paid after the restore's moment: the emulator restores what is there now, so this is what the new tables do not know."""
    protect_claims(world)
    heading = "Restore, and another region"
    run(world, heading, 0)
    unknown = stripe_event()
    # Before the table's own policy forbids it.
    world.client("dynamodb").delete_item(TableName="payonce-audit-2", Key={"pk": {"S": payout_key(SESSION["held"])}, "sk": {"S": "0001#claim"}})
    run(world, heading, 1)
    run(world, heading, 2)
    world.suffix = "-2"
    assert outcome(wait_for("the new tables", lambda: (got := by_stripe(world, unknown))[0] == 503 and got))[2] == "tables_not_released"
    printed = run(world, heading, 3)
    assert "other tables" in printed and "these tables" in printed, printed
    assert '{"drift":[]}' in printed.replace(" ", ""), printed
    released(world, later=PAST_THE_MARGIN)
    assert outcome(by_stripe(world, SESSION["held"])) == (200, "filed", "before_cutover")
    assert outcome(by_stripe(world, unknown)) == (200, "filed", "before_cutover")
    assert world.paid(payout_key(SESSION["held"])) == 1


def test_stack_that_is_deployed_again_pays_nothing_twice(world):
    event = stripe_event(later=PAST_THE_MARGIN)
    assert outcome(by_stripe(world, event)) == (200, "accepted", None)
    before = len(world.items("audit"))
    run(world, "Delete, and deploy again")
    assert len(world.items("audit")) == before
    assert outcome(by_stripe(world, event)) == (200, "duplicate", None)
    assert world.paid(payout_key(event)) == 1
    assert outcome(by_stripe(world, stripe_event(later=PAST_THE_MARGIN))) == (200, "accepted", None)


def test_claim_of_the_killed_function_becomes_a_case(world):
    """Its claim expires, the margin passes, and the sweeper visits its minute: about five minutes after the kill."""
    wait_for("the sweeper", lambda: world.invoke("payonce-sweeper") is not None and "attempt_abandoned" in world.cases(), seconds=480)
    [case] = [item for item in world.items("reconcile") if item["sk"]["S"] == "case" and item["reason"]["S"] == "attempt_abandoned"]
    assert SESSION["killed"] in json.dumps(case)
    assert world.paid(SESSION["killed"]) == 1


def test_logs_hold_no_secret(world):
    from world import HERE

    logs = "".join(path.read_text(errors="replace") for path in HERE.glob("*.log"))
    for secret in [*SECRETS.values(), STANDARD_WEBHOOKS_SECRET]:
        assert secret not in logs or secret.startswith(("sk_test_sandbox", "rk_test_sandbox")), "the sandbox introduces itself with its own"


# What is for a person's eyes, or for an account that is real.
BY_HAND = ("On this machine", "What even an administrator should not do", "Where an organisation asks for more", "What no real account has seen yet")


def test_every_documented_section_was_tried():
    assert set(DOCUMENTED) == {
        "Once", "Configure, build, deploy", "The first delivery", "The books", "The first sign-in", "A new version", "New rules of payout keys", "Back to the version before", "Hold and release",
        "Restore, and another region", "Delete, and deploy again", *BY_HAND,
    }
    assert all(DOCUMENTED[heading] == [] for heading in BY_HAND)
    assert subprocess.run(["bash", "-n"], input="\n".join(b for bs in DOCUMENTED.values() for b in bs), text=True).returncode == 0
