"""The template, translated, against the census and against what the code expects of it."""

import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from census import PLACES, violations
from rights import FILE, ITEMS
from subjects import Subjects
from translated import REGION, ROOT, WEBHOOKS, plain, source, translate


CFN_LINT = Path(sys.executable).with_name("cfn-lint")


@pytest.fixture(scope="module")
def template():
    return translate()


@pytest.fixture(scope="module")
def subjects(template):
    return Subjects(template)


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_the_template_differs_from_the_census(gradual):
    assert violations(translate(gradual=gradual)) == []


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_cfn_lint_finds_something(gradual, tmp_path):
    translated = tmp_path / "translated.json"
    translated.write_text(json.dumps(translate(gradual=gradual)))
    # I: a table or a log group without its deletion policies.
    linted = subprocess.run(
        [CFN_LINT, "--regions", REGION, "--include-checks", "I3011", "--", translated],
        capture_output=True, text=True,
    )
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_the_source_as_it_is_deployed_is_not_clean():
    linted = subprocess.run(
        [CFN_LINT, "--regions", REGION, "--", ROOT / "infra" / "template.yaml"], capture_output=True, text=True
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_a_place_of_the_census_is_checked_nowhere_or_has_no_reason():
    for place in PLACES:
        assert place["what"] and place["must"] and place["why"] and place["source"].startswith("https://"), place["id"]
        assert any(place.get(column) for column in ("template", "deployed", "clippy", "deny", "deny_features")), place["id"]
    assert len({place["id"] for place in PLACES}) == len(PLACES)


def test_a_ban_of_the_code_is_not_in_the_census_or_has_no_reason():
    clippy = tomllib.loads((ROOT / "clippy.toml").read_text())
    deny = tomllib.loads((ROOT / "deny.toml").read_text())["bans"]
    bans = {
        "clippy": {ban["path"]: ban["reason"] for ban in clippy["disallowed-methods"] + clippy["disallowed-types"]},
        "deny": {ban["crate"]: ban["reason"] for ban in deny["deny"]},
        "deny_features": {ban["crate"]: ban["reason"] for ban in deny["features"]},
    }
    for column, banned in bans.items():
        listed = [name for place in PLACES for name in place.get(column, [])]
        assert sorted(listed) == sorted(banned), column
        assert all(banned.values()), column


def test_a_gradual_deployment_is_left_out_or_does_not_go_back(template):
    groups = [r for r in template["Resources"].values() if r["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    assert len(groups) == 2, "one for each provider"
    for group in groups:
        properties = group["Properties"]
        assert properties["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
        assert len(properties["AlarmConfiguration"]["Alarms"]) == 4
        assert "Canary10Percent5Minutes" in json.dumps(properties["DeploymentConfigName"])
    without = translate(gradual="false")
    assert not [r for r in without["Resources"].values() if "CodeDeploy" in r["Type"]]


def test_a_hold_takes_a_canary_back_or_calls_nobody(template):
    alarms = {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    watched = {name: alarm["MetricName"] for name, alarm in alarms.items() if name.startswith("Webhook")}
    assert sorted(set(watched.values())) == ["Errors", "Impossible", "RefusedFault", "RefusedHeld", "Unrecorded"]
    groups = [r for r in template["Resources"].values() if r["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    for group in groups:
        listed = json.dumps(group["Properties"]["AlarmConfiguration"]["Alarms"])
        canary = {metric for name, metric in watched.items() if f'"{name}"' in listed}
        assert canary == {"Errors", "Impossible", "RefusedFault", "Unrecorded"}


# --- The ladder -----------------------------------------------------------------------------------------------------


def _refused(rules, values):
    def holds(expression):
        [(function, argument)] = expression.items()
        if function == "Fn::Equals":
            left, right = (values[a["Ref"]] if isinstance(a, dict) else a for a in argument)
            return str(left) == str(right)
        if function == "Fn::Contains":
            return str(values[argument[1]["Ref"]]) in map(str, argument[0])
        if function == "Fn::Not":
            return not holds(argument[0])
        raise AssertionError(function)

    return any(holds(r["RuleCondition"]) and not all(holds(a["Assert"]) for a in r["Assertions"]) for r in rules.values())


def test_a_broken_timeout_ladder_is_deployed():
    template = json.loads(json.dumps(source()))
    ladder = ("DeliverySeconds", "FunctionTimeoutSeconds", "GatewayTimeoutMilliseconds")
    parameters = template["Parameters"]
    allowed = 0
    for values in itertools.product(*(parameters[name]["AllowedValues"] for name in ladder)):
        delivery, function, gateway = values
        good = delivery < function and function * 1000 < gateway <= 30_000
        refused = _refused(template["Rules"], dict(zip(ladder, values)) | {"DomainName": "", "CertificateArn": ""})
        assert refused != good, values
        allowed += good
    assert allowed > 10
    domain = {name: parameters[name]["Default"] for name in ladder} | {"DomainName": "pay.example", "CertificateArn": ""}
    assert _refused(template["Rules"], domain)


def test_the_configuration_takes_longer_than_the_ladder_says():
    limits = {"connect_ms": 2000, "claim_ms": 2000, "payout_ms": 10000, "record_ms": 5000}
    limits |= tomllib.loads((ROOT / "infra" / "payonce.toml").read_text()).get("limits", {})
    worst = limits["connect_ms"] + 2 * limits["claim_ms"] + limits["payout_ms"] + limits["record_ms"]
    assert worst <= 1000 * source()["Parameters"]["DeliverySeconds"]["Default"]


def test_a_function_outlives_the_wait_after_a_hold():
    code = (ROOT / "shared" / "protocol" / "src" / "release.rs").read_text()
    longest = int(re.search(r"LONGEST_FUNCTION_MS: u64 = ([\d_]+);", code)[1].replace("_", ""))
    assert longest == 1000 * max(source()["Parameters"]["FunctionTimeoutSeconds"]["AllowedValues"])


def test_a_provider_is_configured_and_not_deployed_or_the_other_way_round():
    configured = tomllib.loads((ROOT / "infra" / "payonce.toml").read_text())["providers"]
    assert sorted(source()["Resources"][WEBHOOKS][1]) == sorted(configured)
    # Part of a logical id.
    assert all(name.isalnum() for name in configured)


# --- The tables, as the code wants them -------------------------------------------------------------------------------


def test_the_tables_are_not_those_of_the_ledger(subjects):
    code = (ROOT / "shared" / "ledger" / "src" / "schema.rs").read_text()
    names = dict(re.findall(r'pub const (\w+): &str = "(\w+)";', code))
    tables = {s.table: s.value for s in subjects.all if s.of == "table"}
    assert set(tables) == {"audit", "bodies", "reconcile"}
    for table in tables.values():
        keys = [key["AttributeName"] for key in table["KeySchema"]]
        indexed = [key["AttributeName"] for index in table.get("GlobalSecondaryIndexes", []) for key in index["KeySchema"]]
        assert sorted({*keys, *indexed}) == sorted(a["AttributeName"] for a in table["AttributeDefinitions"])
    # `index(NAME, "hash", Some("range") or None, ProjectionType::KeysOnly)` of the code, and the rows of its list of the reconcile table.
    in_code = {
        "audit": re.findall(r'index\((\w+), "(\w+)", (?:Some\("(\w+)"\)|None), ProjectionType::KeysOnly\)', code),
        "reconcile": re.findall(r'^    \((\w+), "(\w+)", "(\w+)"\),$', code, re.M),
    }
    for table, projection in (("audit", "KEYS_ONLY"), ("reconcile", "ALL")):
        indexes = tables[table]["GlobalSecondaryIndexes"]
        found = {(i["IndexName"], *(key["AttributeName"] for key in i["KeySchema"])) for i in indexes}
        assert found == {(names[name], *filter(None, keys)) for name, *keys in in_code[table]}
        assert {index["Projection"]["ProjectionType"] for index in indexes} == {projection}
    assert len(tables["audit"]["GlobalSecondaryIndexes"]) == 3
    assert tables["bodies"]["TimeToLiveSpecification"]["AttributeName"] == names["BODIES_TTL"]
    keyed = re.findall(r'table_name\(ledger\.audit\.table\(\)\), &\[([^\]]*)\]|table_name\(&ledger\.(\w+)\), &\[([^\]]*)\]', code)
    assert len(keyed) == 3
    for audit_keys, name, other_keys in keyed:
        keys = re.findall(r'"(\w+)"', audit_keys or other_keys)
        assert keys == [key["AttributeName"] for key in tables[name or "audit"]["KeySchema"]]


def test_an_administrator_can_change_a_claim_without_a_trace(subjects):
    [audit] = [s.value for s in subjects.all if s.of == "table" and s.table == "audit"]
    [statement] = audit["ResourcePolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Resource"].endswith(":table/" + audit["TableName"])
    assert {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} <= set(statement["Action"])


# --- Roles and secrets ------------------------------------------------------------------------------------------------


def _statements(template, role):
    [policy] = plain(template["Resources"][role]["Properties"]["Policies"])
    return policy["PolicyDocument"]["Statement"]


def _may_read(template, role):
    return [
        resource.split(":secret:")[1]
        for statement in _statements(template, role)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    ]


def test_a_role_reads_a_secret_that_is_not_its_business(template):
    prefix = "${SecretPrefix}"
    for provider in ("stripe", "adyen"):
        rail = [f"{prefix}/rail-??????", f"{prefix}/rail-lookup-??????"]
        assert _may_read(template, f"Webhook{provider}Role") == [f"{prefix}/{provider}-??????", *rail]
    assert _may_read(template, "SweeperRole") == [f"{prefix}/rail-lookup-??????"], "the sweeper cannot pay"
    own = [f"{prefix}/console-cookies-??????", f"{prefix}/console-client-??????"]
    assert _may_read(template, "ConsoleRole") == [f"{prefix}/rail-lookup-??????", *own], "the console cannot pay"
    assert _may_read(template, "PayerRole") == [*rail, f"{prefix}/source-*"]
    for role in ("RetryAuditRole", "AuditWatchRole", "ScheduleRole"):
        assert _may_read(template, role) == []


def test_the_console_or_payer_may_do_more_than_it_does(template):
    def allowed(role, sid):
        [statement] = [s for s in _statements(template, role) if s["Sid"] == sid]
        return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]

    assert allowed("ConsoleRole", "Audit") == ["dynamodb:GetItem", "dynamodb:Query"]
    assert allowed("ConsoleRole", "Bodies") == allowed("PayerRole", "Bodies") == ["dynamodb:GetItem"]
    assert allowed("ConsoleRole", "Reconcile") == ["dynamodb:GetItem", "dynamodb:Query"]
    assert allowed("PayerRole", "Claim") == ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:ConditionCheckItem"]
    # The events beside a shared case are listed before it is ended.
    assert allowed("PayerRole", "Reconcile") == ["dynamodb:GetItem", "dynamodb:Query"]
    assert allowed("ConsoleRole", "Evidence") == ["dynamodb:PutItem"]
    assert allowed("ConsoleRole", "OwnItems") == allowed("PayerRole", "OwnItems") == ["dynamodb:PutItem"]
    for role in ("ConsoleRole", "PayerRole"):
        sids = {s["Sid"] for s in _statements(template, role)}
        tables = {"ConsoleRole": {"Audit", "Evidence", "Tables", "OwnSecretsAndLookUp", "Payer"}, "PayerRole": {"Claim", "Tables", "TheRailsSecretsAndTheSources"}}
        assert sids == tables[role] | {"Bodies", "Reconcile", "OwnItems", "Tripwire", "Logs"}, role
        for statement in _statements(template, role):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not {"dynamodb:Scan", "dynamodb:BatchGetItem"} & set(actions), (role, statement)


def test_a_key_that_a_role_may_write_is_not_the_one_in_the_code():
    ledger = ROOT / "shared" / "ledger" / "src"
    in_code = {}
    for item, file in (("control", "control.rs"), ("sweeper", "round.rs"), ("people", "people.rs"), ("batches", "batch.rs")):
        in_code[item] = re.findall(r'^(?:pub\(crate\) )?const PK: &str = "([\w]+)";', (ledger / file).read_text(), re.M)
    assert in_code == {item: [ITEMS[item]] for item in in_code}
    [prefix] = re.findall(r'format!\("(batch/)\{\}", self\.id\)', (ledger / "batch.rs").read_text())
    assert ITEMS["batch"].startswith(prefix)
    [prefix] = re.findall(r'format!\("(evidence/)\{case\}/\{digest\}"\)', (ledger / "evidence.rs").read_text())
    assert FILE.startswith(prefix)
    # Cases and their history have the case's id for their key; a test of its own holds the form of one.
    assert "Fields::new(self.case.id(), CASE_SK)" in (ledger / "case_item.rs").read_text()
    assert ITEMS["cases"] in (ROOT / "shared" / "protocol" / "src" / "ids.rs").read_text()


def test_the_way_to_payer_is_not_the_one_in_the_code(template, subjects):
    code = (ROOT / "functions" / "console" / "src" / "invoke.rs").read_text()
    [path] = re.findall(r'const PATH: &str = "/2015-03-31/functions/([\w-]+)%3A(\w+)/invocations";', code)
    [payer] = [s.value["FunctionName"] for s in subjects.all if s.of == "function" and s.kind == "payer"]
    [alias] = [s.value["Name"] for s in subjects.all if s.of == "alias" and s.kind == "payer"]
    assert path == (payer, alias)
    # payer, then whoever waits for it, then whoever waits for that.
    [patience] = re.findall(r"const WITHIN: Duration = Duration::from_millis\(([\d_]+)\);", code)
    [console] = [s.value["Timeout"] for s in subjects.all if s.of == "function" and s.kind == "console"]
    [gateway] = [s.value["TimeoutInMillis"] for s in subjects.all if s.of == "integration" and s.kind == "console"]
    longest = 1000 * max(source()["Parameters"]["FunctionTimeoutSeconds"]["AllowedValues"])
    assert longest < int(patience.replace("_", "")) < 1000 * console < gateway <= 30_000


def test_retry_audit_may_change_something(template):
    for statement in _statements(template, "RetryAuditRole"):
        if statement["Sid"] in ("Tripwire", "Logs"):
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert all(re.fullmatch(r"\w+:(List|Get|Describe)\w+", action) for action in actions), actions


def test_two_functions_share_a_role(template):
    roles = [plain(r["Properties"]["Role"]) for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert len(roles) == len(set(roles))


def test_a_secret_stands_in_the_template():
    text = (ROOT / "infra" / "template.yaml").read_text() + (ROOT / "infra" / "samconfig.toml").read_text()
    assert not re.search(r"SecretString|GenerateSecretString|whsec_[A-Za-z0-9]|sk_(live|test)_|\{\{resolve:", text)


def test_the_access_log_holds_the_path_token(template):
    log = template["Resources"]["Stage"]["Properties"]["AccessLogSettings"]["Format"]
    assert not {"$context.path", "$context.routeKey"} & set(re.findall(r"\$context\.[\w.]+", log))
    for field in ("requestId", "status", "integration.integrationStatus", "integrationErrorMessage", "integration.latency"):
        assert f"$context.{field}" in log


def test_knocks_at_the_console_use_up_what_deliveries_may_send(template):
    stage, resources = template["Resources"]["Stage"], template["Resources"]
    own = stage["Properties"]["RouteSettings"]
    routes = {name: plain(r["Properties"]["RouteKey"]) for name, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::Route"}
    console = {name: key for name, key in routes.items() if key in own}
    assert set(own) == set(console.values()) == {"ANY /console", "ANY /console/{proxy+}"}
    assert set(console) <= set(stage["DependsOn"]), "CloudFormation makes the routes first"
    # What is not said for a route is AWS's default, not the stage's.
    keys = set(stage["Properties"]["DefaultRouteSettings"])
    assert all(set(settings) == keys and settings["DetailedMetricsEnabled"] for settings in own.values())


def test_an_alarm_counts_a_metric_that_nothing_writes(template):
    catalogue = (ROOT / "shared" / "runtime" / "src" / "metrics.rs").read_text()
    metrics = {name: (wide, alarm) for name, wide, alarm in re.findall(r"^    (\w+): \w+ \w+, \[([\w, ]+)\], (\w+),", catalogue, re.M)}
    ours = []
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        properties = resource["Properties"]
        if properties["Namespace"] == "payonce":
            ours.append(properties["MetricName"])
            wide = metrics[properties["MetricName"]][0].split(", ")
            assert bool(properties.get("Dimensions")) == (wide == ["Delivery"]), properties["MetricName"]
        assert properties["AlarmDescription"] and "AlarmActions" in properties
    wanted = {name for name, (_, alarm) in metrics.items() if alarm != "Never"}
    assert wanted <= set(ours), f"without an alarm: {wanted - set(ours)}"
