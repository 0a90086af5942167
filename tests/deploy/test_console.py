"""A day at the finance desk, with the functions console and payer as they are deployed, and a certified issuer."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from windowless import Browser
from world import HERE, SECRETS

REISSUE = {"ending": "reissue", "code": "payee_confirmed", "note": "they called"}


@pytest.fixture(scope="module")
def cases(desk):
    """By reason, each with its payout key."""
    rejected, first, second = desk.open_cases(not_sent=2, rejected=1)
    return {"rejected": rejected, "not_sent": first, "another": second}


def status(desk, case):
    return desk.item(case)["status"]["S"]


def test_documented_first_sign_in_begins(desk):
    printed = desk.world.run("The first sign-in")
    address = urlsplit(printed.split()[-1])
    asked = {name: value for name, [value] in parse_qs(address.query).items()}
    assert address.netloc == f"127.0.0.1:{desk.world.issuer}", printed
    assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == ("payonce-console", "code", "S256")
    assert asked["redirect_uri"] == f"{desk.base_url}/signed-in" and asked["nonce"] and asked["state"]
    assert f"{desk.base_url}/signed-in" in printed, "what the issuer must be told"


def test_stranger_sees_and_changes_nothing(desk):
    page = Browser().ask(desk.base_url)
    assert (page.status, page.location) == (303, f"{desk.base_url}/signed-out")
    policy = Browser().ask(f"{desk.base_url}/signed-out").headers["content-security-policy"]
    assert "default-src 'none'" in policy and f"form-action 'self' http://127.0.0.1:{desk.world.issuer}" in policy
    assert Browser().ask(f"{desk.base_url}/cases/x/approve", {"csrf": "x"}).status == 403
    # The API has no route for what is not below /console.
    assert Browser().ask(desk.base_url.replace("/console", "/consoles")).status == 404


@pytest.mark.parametrize("person", ["ada", "ben", "eve", "olu"])
def test_each_person_with_a_role_sees_the_queue(desk, cases, person):
    visit = desk.visit(person)
    assert visit.page.url == desk.base_url and visit.page.status == 200, visit.page.words()
    assert cases["not_sent"][0] in visit.page.text
    assert "sandbox" not in visit.page.text.lower().replace("acct_sandbox", ""), "nothing here is a game"
    case = visit.see(f"/cases/{cases['rejected'][0]}")
    assert (case.status, cases["rejected"][1] in case.text) == (200, True)


def test_person_without_a_role_sees_no_queue(desk):
    assert desk.visit("nik").page.status == 403


def test_two_people_pay_once(desk, cases):
    case, key = cases["not_sent"]
    assert (desk.world.paid(key), status(desk, case)) == (0, "open")
    assert desk.attempts(key) == ["0001#claim", "0001#outcome"]

    ada = desk.visit("ada")
    proposed = ada.act(case, "propose", **REISSUE)
    assert (proposed.status, status(desk, case)) == (200, "awaiting_approval"), proposed.words()
    assert desk.world.paid(key) == 0, "one person does not pay"

    ben = desk.visit("ben")
    approved = ben.act(case, "approve")
    assert approved.status == 200 and "done=paid" in approved.url, f"{approved.url}: {approved.words()}"
    assert (desk.world.paid(key), status(desk, case)) == (1, "resolved")
    claims = [sort for sort in desk.attempts(key) if "#claim" in sort or "#outcome" in sort]
    assert claims == ["0001#claim", "0001#outcome", "0002#claim", "0002#outcome"]
    people = json.dumps(desk.item(case))
    assert "ada" in people and "ben" in people

    # Once more, by the address that the issuer sent ben back to: its code is used up, and the case is resolved.
    assert not any(address.endswith("/approve") for address, _ in ben.see(f"/cases/{case}").forms())
    assert desk.world.paid(key) == 1


def test_nobody_approves_their_own_proposal(desk, cases):
    case, key = cases["another"]
    dee = desk.visit("dee")
    assert dee.act(case, "propose", **REISSUE).status == 200
    assert not any(address.endswith("/approve") for address, _ in dee.see(f"/cases/{case}").forms()), "there is no such button"
    # Without the button.
    address, fields = dee.page.form("/comment")
    forged = dee.browser.ask(address.replace("/comment", "/approve"), fields)
    assert forged.status == 403, forged.words()
    assert (desk.world.paid(key), status(desk, case)) == (0, "awaiting_approval")


def test_second_refusal_of_the_rail_has_a_case_of_its_own(desk, cases):
    case, key = cases["rejected"]
    assert desk.visit("ada").act(case, "propose", **REISSUE).status == 200
    ended = desk.visit("ben").act(case, "approve")
    assert "was made and not accepted" in ended.words(), f"{ended.url}: {ended.words()}"
    assert (desk.world.paid(key), status(desk, case)) == (0, "resolved")
    ids = {item["pk"]["S"] for item in desk.world.items("reconcile") if item["sk"]["S"] == "case" and item.get("key", {}).get("S") == key}
    assert len(ids) == 2, "the further attempt has a case of its own"


def test_only_the_console_may_invoke_payer(desk):
    """The emulator evaluates what each role allows: at the alias, past it, and at what else it might want to invoke."""
    request = json.dumps({"case": "x", "checker": "x"}).encode()

    def invoked(role, function, qualifier="live"):
        functions = desk.world.client("lambda", desk.world.session_of(role))
        try:
            return json.loads(functions.invoke(FunctionName=f"{function}:{qualifier}", Payload=request)["Payload"].read())
        except ClientError as refused:
            return refused.response["Error"]["Code"]

    assert invoked("ConsoleRole", "payonce-payer")["answer"] == "refused"
    for role in ("WebhookstripeRole", "SweeperRole", "ReconcilerRole", "RetryAuditRole", "AuditWatchRole", "PayerRole", "ScheduleRole"):
        assert invoked(role, "payonce-payer") == "AccessDeniedException", role
    assert invoked("ConsoleRole", "payonce-payer", "$LATEST") == "AccessDeniedException"
    assert invoked("ConsoleRole", "payonce-sweeper") == "AccessDeniedException"


def test_console_writes_no_claim_and_reads_no_secret_that_pays(desk):
    session = desk.world.session_of("ConsoleRole")
    tables, secrets = desk.world.client("dynamodb", session), desk.world.client("secretsmanager", session)
    for secret in ("payonce/rail", "payonce/stripe"):
        with pytest.raises(ClientError, match="AccessDenied"):
            secrets.get_secret_value(SecretId=secret)
    assert secrets.get_secret_value(SecretId="payonce/rail-lookup")["SecretString"] == SECRETS["RAIL_LOOKUP_SECRET"]
    item = {"pk": {"S": "stripe/pi_x"}, "sk": {"S": "0001#claim"}}
    with pytest.raises(ClientError, match="AccessDenied"):
        tables.put_item(TableName="payonce-audit", Item=item)
    with pytest.raises(ClientError, match="AccessDenied"):
        tables.scan(TableName="payonce-audit")


def test_logs_hold_no_token_and_no_secret_of_the_console(desk):
    stored = desk.world.client("secretsmanager").get_secret_value(SecretId="payonce/console-cookies")["SecretString"]
    logs = "".join(path.read_text(errors="replace") for path in HERE.glob("*.log"))
    groups = desk.world.client("logs")
    for group in groups.describe_log_groups()["logGroups"]:
        events = groups.filter_log_events(logGroupName=group["logGroupName"])["events"]
        logs += "".join(event["message"] for event in events)
    assert "a further attempt ended" in logs, "these are the functions' logs"
    assert stored not in logs and SECRETS["CONSOLE_CLIENT_SECRET"] not in logs
    assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", logs), "an ID token"
