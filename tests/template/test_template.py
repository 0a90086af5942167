"""The template, translated, against the census and against what the code expects of it."""

import copy
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
from samcli.cli.types import CfnParameterOverridesType
from subjects import KINDS, Subjects
from translated import MADE, PROVIDERS, REGION, ROOT, decoded, plain, source, translate


CFN_LINT = Path(sys.executable).with_name("cfn-lint")


@pytest.fixture(scope="module")
def template():
    return translate()


@pytest.fixture(scope="module")
def subjects(template):
    return Subjects(template)


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_template_agrees_with_the_census(gradual):
    assert violations(translate(gradual=gradual)) == []


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_cfn_lint_finds_nothing(gradual, tmp_path):
    translated = tmp_path / "translated.json"
    translated.write_text(json.dumps(translate(gradual=gradual)))
    # I: a table or a log group without its deletion policies.
    linted = subprocess.run(
        [CFN_LINT, "--regions", REGION, "--include-checks", "I3011", "--", translated],
        capture_output=True, text=True,
    )
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_source_as_it_is_deployed_is_clean():
    linted = subprocess.run(
        [CFN_LINT, "--regions", REGION, "--", ROOT / "infra" / "template.yaml"], capture_output=True, text=True
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_every_place_of_the_census_is_checked_and_has_a_reason():
    for place in PLACES:
        assert place["what"] and place["must"] and place["why"] and place["source"].startswith("https://"), place["id"]
        assert any(place.get(column) for column in ("template", "deployed", "clippy", "deny", "deny_features")), place["id"]
    assert len({place["id"] for place in PLACES}) == len(PLACES)


def test_every_ban_of_the_code_is_in_the_census_with_a_reason():
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


def test_gradual_deployment_goes_back_on_alarms(template):
    groups = [r for r in template["Resources"].values() if r["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    assert len(groups) == len(PROVIDERS)
    for group in groups:
        properties = group["Properties"]
        assert properties["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
        assert len(properties["AlarmConfiguration"]["Alarms"]) == 4
        assert "Canary10Percent5Minutes" in json.dumps(properties["DeploymentConfigName"])
    without = translate(gradual="false")
    assert not [r for r in without["Resources"].values() if "CodeDeploy" in r["Type"]]


def test_hold_alarms_without_taking_a_canary_back(template):
    groups = [r for r in template["Resources"].values() if r["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    for provider, group in zip(PROVIDERS, sorted(groups, key=json.dumps)):
        listed = json.dumps(group["Properties"]["AlarmConfiguration"]["Alarms"])
        canary = {name for name in template["Resources"] if f'"{name}"' in listed}
        assert canary == {f"Webhook{provider}{alarm}" for alarm in ("Errors", "Impossible", "Refused", "Unrecorded")}


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


BARE = {"DomainName": "", "CertificateArn": "", "SubnetIds": "", "SecurityGroupIds": ""}


def test_refuses_a_broken_ladder_of_time_outs():
    template = json.loads(json.dumps(source()))
    ladder = ("DeliverySeconds", "FunctionTimeoutSeconds", "GatewayTimeoutMilliseconds")
    parameters = template["Parameters"]
    allowed = 0
    for values in itertools.product(*(parameters[name]["AllowedValues"] for name in ladder)):
        delivery, function, gateway = values
        good = delivery < function and function * 1000 < gateway <= 30_000
        refused = _refused(template["Rules"], dict(zip(ladder, values)) | BARE)
        assert refused != good, values
        allowed += good
    assert allowed > 10
    default = {name: parameters[name]["Default"] for name in ladder} | BARE
    assert _refused(template["Rules"], default | {"DomainName": "pay.example"})
    assert _refused(template["Rules"], default | {"SubnetIds": "subnet-1,subnet-2"})
    assert not _refused(template["Rules"], default | {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"})


def test_configuration_fits_the_ladder_of_time_outs():
    limits = {"connect_ms": 2000, "claim_ms": 2000, "payout_ms": 10000, "record_ms": 5000}
    limits |= tomllib.loads((ROOT / "infra" / "payonce.toml").read_text()).get("limits", {})
    worst = limits["connect_ms"] + 2 * limits["claim_ms"] + limits["payout_ms"] + limits["record_ms"]
    assert worst <= 1000 * source()["Parameters"]["DeliverySeconds"]["Default"]


def test_wait_after_a_hold_outlives_every_function():
    code = (ROOT / "shared" / "protocol" / "src" / "release.rs").read_text()
    longest = int(re.search(r"LONGEST_FUNCTION_MS: u64 = ([\d_]+);", code)[1].replace("_", ""))
    assert longest == 1000 * max(source()["Parameters"]["FunctionTimeoutSeconds"]["AllowedValues"])


def test_whatever_any_function_gives_up_calls_somebody():
    """A new kind of function has no place of its own yet: its failures would go nowhere, and nothing would say so."""
    [place] = [place for place in PLACES if place["id"] == "async-drop"]
    for rows in (place["template"], place["deployed"]):
        assert {row["kind"] for row in rows if "OnFailure" in row["path"] and "kind" in row} == set(KINDS)


def test_configured_providers_are_the_deployed_ones():
    configured = tomllib.loads((ROOT / "infra" / "payonce.toml").read_text())["providers"]
    functions = decoded(ROOT / "infra" / "template.yaml")["Resources"].values()
    names = [r["Properties"]["FunctionName"] for r in functions if r["Type"] == "AWS::Serverless::Function"]
    assert sorted(name.removeprefix("payonce-webhook-") for name in names if "-webhook-" in name) == sorted(configured)


# Of the last release. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html: one is made or removed at a time,
# so that an update of a stack with two of them fails half-way.
RELEASED_INDEXES = {
    "AuditTable": {"by_minute", "by_event", "by_rail_key"},
    "BodiesTable": set(),
    "ReconcileTable": {"open", "by_risk", "by_owner", "by_incident", "awaiting", "resolved", "by_key", "by_event"},
}


def changed_indexes(template):
    for name, released in RELEASED_INDEXES.items():
        indexes = template["Resources"][name]["Properties"].get("GlobalSecondaryIndexes", [])
        yield name, released ^ {index["IndexName"] for index in indexes}


def test_a_release_makes_or_removes_one_index_of_a_table_at_the_most(template):
    assert [(name, changed) for name, changed in changed_indexes(template) if len(changed) > 1] == []
    other = copy.deepcopy(template)
    other["Resources"]["AuditTable"]["Properties"]["GlobalSecondaryIndexes"][0]["IndexName"] = "by_hour"
    assert [name for name, changed in changed_indexes(other) if len(changed) > 1] == ["AuditTable"], "one goes and another comes"


def test_deployed_stack_keeps_every_resource(template):
    """Another logical id, type or name would replace what is deployed: a table's id orphans it, a function's stops deliveries. What is
    added is added to the list by whoever adds it; what goes, goes with a line in CHANGELOG.md."""
    deployed = json.loads(Path(__file__).with_name("deployed.json").read_text())
    found = {name: [resource["Type"], *_name_of(resource)] for name, resource in template["Resources"].items()}
    assert {name: found.get(name) for name in deployed} == deployed
    # Versions are named by what they are made of.
    assert {name for name in set(found) - set(deployed) if "::Lambda::Version" not in found[name][0]} == set()


def _name_of(resource):
    properties = plain(resource.get("Properties", {}))
    keys = ("FunctionName", "TableName", "QueueName", "AlarmName", "RouteKey", "Name")
    return [properties[key] for key in keys if isinstance(properties.get(key), str)]


# --- The tables, as the code wants them -------------------------------------------------------------------------------


def test_tables_are_those_of_the_ledger(subjects):
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


def test_administrator_cannot_change_a_claim_without_a_trace(subjects):
    [audit] = [s.value for s in subjects.all if s.of == "table" and s.table == "audit"]
    [statement] = audit["ResourcePolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Resource"].endswith(":table/" + audit["TableName"])
    assert {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} <= set(statement["Action"])


# --- Roles and secrets ------------------------------------------------------------------------------------------------


def _statements(template, role):
    policy, *_network = plain(template["Resources"][role]["Properties"]["Policies"])
    return policy["PolicyDocument"]["Statement"]


def _may_read(template, role):
    return [
        resource.split(":secret:")[1]
        for statement in _statements(template, role)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    ]


def test_each_role_reads_only_its_own_secrets(template):
    prefix = "${SecretPrefix}"
    for provider in PROVIDERS:
        rail = [f"{prefix}/rail-??????", f"{prefix}/rail-lookup-??????"]
        assert _may_read(template, f"Webhook{provider}Role") == [f"{prefix}/{provider}-??????", rail[0]], "a webhook looks nothing up"
    assert _may_read(template, "SweeperRole") == [f"{prefix}/rail-lookup-??????"], "the sweeper cannot pay"
    assert _may_read(template, "ReconcilerRole") == [f"{prefix}/rail-lookup-??????", f"{prefix}/list-*"], "the reconciler cannot pay"
    own = [f"{prefix}/console-cookies-??????", f"{prefix}/console-client-??????"]
    assert _may_read(template, "ConsoleRole") == [f"{prefix}/rail-lookup-??????", *own], "the console cannot pay"
    assert _may_read(template, "PayerRole") == [*rail, f"{prefix}/source-*"]
    for role in ("RetryAuditRole", "AuditWatchRole", "NoticesRole", "ScheduleRole"):
        assert _may_read(template, role) == []


def test_table_of_who_reads_a_secret_is_what_the_roles_allow(template):
    """A policy at a secret that is made from it must not shut out a function that needs it."""
    section = (ROOT / "infra" / "deploy.md").read_text().split("## Where an organisation asks for more")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| (`payonce/[^|]+) \| ([^|]+) \|$", section, re.M))
    readers = {"webhook": ["Webhookstripe"], "payer": ["Payer"], "sweeper": ["Sweeper"], "reconciler": ["Reconciler"], "console": ["Console"]}
    told = {(secret, role) for secrets, who in rows.items() for secret in re.findall(r"`payonce/([^`]+)`", secrets) for name, roles in readers.items() for role in roles if re.search(rf"\b{name}s?\b", who)}
    names = {"stripe": "{provider}", "list-*": "list-{provider}", "source-*": "source-{provider}"}
    allowed = set()
    for [role] in readers.values():
        for secret in _may_read(template, f"{role}Role"):
            secret = secret.removeprefix("${SecretPrefix}/").removesuffix("-??????")
            allowed.add((names.get(secret, secret), role))
    # Two stand in one row, of which each function reads one.
    assert told - {("list-{provider}", "Payer"), ("source-{provider}", "Reconciler")} == allowed
    assert "path-token" not in {secret for secret, _ in allowed}


def test_console_and_payer_may_do_only_what_they_do(template):
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


# What each power of `shared/ledger/src/powers.rs` needs of a role.
NEEDS = {
    "QueriesAudit": {("AuditTable", "Query")},
    "QueriesCases": {("ReconcileTable", "Query")},
    "Claims": {("AuditTable", "PutItem")},
    "LooksUp": {("AuditTable", "PutItem")},
    "GivesUp": {("AuditTable", "PutItem")},
    "KeepsBodies": {("BodiesTable", "PutItem")},
    "Files": {("ReconcileTable", "PutItem")},
    "Acts": {("ReconcileTable", "PutItem")},
    "ServesPeople": {("ReconcileTable", "PutItem"), ("BodiesTable", "PutItem")},
    "Sweeps": {("ReconcileTable", "PutItem")},
    "Reconciles": {("ReconcileTable", "PutItem")},
    "Holds": {("ReconcileTable", "PutItem")},
}


def test_each_role_allows_what_the_powers_of_its_function_need_and_no_more(template):
    """What compiles and is not allowed fails on AWS alone, where nobody tests."""
    code = (ROOT / "shared" / "ledger" / "src" / "powers.rs").read_text()
    holders = dict(re.findall(r"^    (\w+): ?([\w, ]*);$", code[code.index("holders! {\n    Webhook") :], re.M))
    roles = {"Webhook": ["Webhookstripe", "Webhookadyen"], **{name: [name] for name in ("Payer", "Sweeper", "Reconciler", "Console", "AuditWatch", "Notices")}}
    assert set(holders) == {*roles, "Nothing", "Reader", "Everything"}
    watched = set().union(*NEEDS.values())
    for holder, functions in roles.items():
        powers = set(filter(None, holders[holder].split(", "))) - {"Reads"}
        needed = set().union(*(NEEDS[power] for power in powers))
        for function in functions:
            allowed = {
                (table, action.removeprefix("dynamodb:"))
                for statement in _statements(template, f"{function}Role")
                for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
                for table in ("AuditTable", "BodiesTable", "ReconcileTable")
                if table in json.dumps(statement["Resource"])
            }
            assert allowed & watched == needed, function


def test_keys_that_roles_may_write_are_those_in_the_code():
    keys = (ROOT / "shared" / "ledger" / "src" / "keys.rs").read_text()
    constants = dict(re.findall(r'^const (\w+): &str = "([^"]+)";', keys, re.M))
    in_code = {"control": "CONTROL", "sweeper": "SWEEPER", "runs": "RUNS", "people": "PERSON", "batches": "BATCHES"}
    assert {item: constants[name] for item, name in in_code.items()} == {item: ITEMS[item] for item in in_code}
    assert 'format!("{BATCH}{id}")' in keys and ITEMS["batch"].startswith(constants["BATCH"])
    assert constants["IMPORTS"] == ITEMS["imports"]
    assert 'format!("{IMPORT}{digest}")' in keys and ITEMS["import"].startswith(constants["IMPORT"])
    assert 'format!("{RUN}{}", run_end(*to))' in keys and ITEMS["run"].startswith(constants["RUN"])
    [prefix] = re.findall(r'"(evidence/)\{case\}/\{digest\}"', keys)
    assert FILE.startswith(prefix)
    # Cases and their history have the case's id for their key; a test of its own holds the form of one.
    assert "Self::Case(id) | Self::Beside(id, _) | Self::History(Versioned::Case(id), _) => id.to_string()" in keys
    assert ITEMS["cases"] in (ROOT / "shared" / "protocol" / "src" / "ids.rs").read_text()


def test_way_to_payer_is_the_one_in_the_code(template, subjects):
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


def test_reconciler_may_do_only_what_it_does(template):
    allowed = {
        (statement["Sid"], action)
        for statement in _statements(template, "ReconcilerRole")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert allowed == {
        ("Audit", "dynamodb:GetItem"), ("Audit", "dynamodb:Query"), ("Reconcile", "dynamodb:GetItem"), ("Reconcile", "dynamodb:Query"),
        ("OwnItems", "dynamodb:PutItem"), ("Bodies", "dynamodb:PutItem"), ("LookUpSecretAndTheLists", "secretsmanager:GetSecretValue"),
        ("Tripwire", "sqs:SendMessage"), ("Logs", "logs:CreateLogStream"), ("Logs", "logs:PutLogEvents"),
    }


def test_retry_audit_may_change_nothing(template):
    for statement in _statements(template, "RetryAuditRole"):
        if statement["Sid"] in ("Tripwire", "Logs"):
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert all(re.fullmatch(r"\w+:(List|Get|Describe)\w+", action) for action in actions), actions


def test_only_what_asks_a_rail_a_provider_or_the_issuer_may_stand_in_a_network_of_the_owners(template):
    """And only where subnets are given: without them there is neither the network nor the right to make its interfaces."""
    resources = template["Resources"]
    asks = {"Sweeper", "Reconciler", "Console", "Payer", *(f"Webhook{provider}" for provider in PROVIDERS)}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Lambda::Function":
            continue
        properties = resource["Properties"]
        own, *network = resources[f"{name}Role"]["Properties"]["Policies"]
        assert "ec2:" not in json.dumps(own), name
        if name not in asks:
            assert "VpcConfig" not in properties and not network, name
            continue
        [(condition, given, otherwise)] = [properties["VpcConfig"]["Fn::If"]]
        assert (condition, otherwise, set(given)) == ("InOwnNetwork", {"Ref": "AWS::NoValue"}, {"SubnetIds", "SecurityGroupIds"}), name
        [(condition, policy, otherwise)] = [part["Fn::If"] for part in network]
        assert (condition, otherwise) == ("InOwnNetwork", {"Ref": "AWS::NoValue"}), name
        allowed, denied = policy["PolicyDocument"]["Statement"]
        # What Lambda may do with the role, the function itself may not.
        assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny") and set(allowed["Action"]) <= set(denied["Action"]), name
        assert all(action.startswith("ec2:") for action in allowed["Action"])
        function = plain(denied["Condition"])["ArnEquals"]["lambda:SourceFunctionArn"]
        assert function.endswith(f":function:{plain(properties['FunctionName'])}"), name
    assert template["Conditions"]["InOwnNetwork"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SubnetIds"}, ""]}]}
    parameters = source()["Parameters"]
    assert all(parameters[name]["Default"] == "" for name in ("SubnetIds", "SecurityGroupIds", "CodeSigningConfigArn"))


def test_every_function_takes_signed_code_alone_where_that_is_asked_for(template):
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            chosen = ["SignsCode", {"Ref": "CodeSigningConfigArn"}, {"Ref": "AWS::NoValue"}]
            assert resource["Properties"]["CodeSigningConfigArn"] == {"Fn::If": chosen}, name


def test_each_function_has_a_role_of_its_own(template):
    roles = [plain(r["Properties"]["Role"]) for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert len(roles) == len(set(roles))


def test_template_holds_no_secret():
    text = (ROOT / "infra" / "template.yaml").read_text() + (ROOT / "infra" / "samconfig.toml").read_text()
    assert not re.search(r"SecretString|GenerateSecretString|whsec_[A-Za-z0-9]|sk_(live|test)_|\{\{resolve:", text)


def test_path_token_stands_in_no_file_and_sam_takes_the_parameters_from_theirs(monkeypatch):
    infra = ROOT / "infra"
    monkeypatch.chdir(infra)
    [overrides] = [tomllib.loads((infra / "samconfig.toml").read_text())["default"]["global"]["parameters"]["parameter_overrides"]]
    assert overrides == ["file://parameters.toml"]
    written = tomllib.loads((infra / "parameters.toml").read_text())
    # As SAM reads them, and as `infra/take-in` does.
    assert CfnParameterOverridesType().convert(overrides, None, None) == written
    assert set(written) < set(source()["Parameters"]) - {"PathToken"} and all(isinstance(value, str) for value in written.values())
    with_token = CfnParameterOverridesType().convert([*overrides, "PathToken=a-token_of-22-characters"], None, None)
    assert with_token == {**written, "PathToken": "a-token_of-22-characters"}
    for file in infra.rglob("*"):
        if file.is_file() and ".aws-sam" not in file.parts:
            assert not re.search(r"PathToken[\"']?\s*[=:]\s*[\"']?[\w-]{22}", file.read_text(errors="replace")), file


def test_access_log_holds_no_path_token(template):
    log = template["Resources"]["Stage"]["Properties"]["AccessLogSettings"]["Format"]
    assert not {"$context.path", "$context.routeKey"} & set(re.findall(r"\$context\.[\w.]+", log))
    for field in ("requestId", "status", "integration.integrationStatus", "integrationErrorMessage", "integration.latency"):
        assert f"$context.{field}" in log


def test_console_has_a_rate_limit_of_its_own(template):
    stage, resources = template["Resources"]["Stage"], template["Resources"]
    own = stage["Properties"]["RouteSettings"]
    routes = {name: plain(r["Properties"]["RouteKey"]) for name, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::Route"}
    console = {name: key for name, key in routes.items() if key in own}
    assert set(own) == set(console.values()) == {"ANY /console", "ANY /console/{proxy+}"}
    assert set(console) <= set(stage["DependsOn"]), "CloudFormation makes the routes first"
    # What is not said for a route is AWS's default, not the stage's.
    keys = set(stage["Properties"]["DefaultRouteSettings"])
    assert all(set(settings) == keys and settings["DetailedMetricsEnabled"] for settings in own.values())


SECONDS = {"minute": 60, "minutes": 60, "hour": 3600, "hours": 3600}


def test_scheduled_function_ends_before_its_next_run(template):
    """Two at once do no harm; they would only do the same work twice."""
    functions = {name: plain(r["Properties"]) for name, r in template["Resources"].items() if r["Type"] == "AWS::Lambda::Function"}
    periods = {}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Scheduler::Schedule":
            properties = plain(resource["Properties"])
            count, unit = re.fullmatch(r"rate\((\d+) (\w+)\)", properties["ScheduleExpression"]).groups()
            periods[properties["Target"]["Arn"].removesuffix("Aliaslive")] = int(count) * SECONDS[unit]
    assert periods == {"Sweeper": 60, "Reconciler": 3600, "RetryAudit": 600}
    assert all(functions[name]["Timeout"] < period for name, period in periods.items())


# What a new stack is given to be made in; the schedules are among the last of its resources.
DEPLOY_S = 3600
# From a function's line to the figure.
INGESTION_S = 120


def test_new_stack_runs_each_watcher_before_its_silence_is_an_alarm(template):
    """A new alarm is held against the time before it was made, in which there is no figure: only its warm-up waits for the first run."""
    resources = {name: plain(r["Properties"]) for name, r in template["Resources"].items() if "Properties" in r}
    schedules = {r["Name"]: r for name, r in resources.items() if template["Resources"][name]["Type"] == "AWS::Scheduler::Schedule"}
    alarms = [r for name, r in resources.items() if template["Resources"][name]["Type"] == "AWS::CloudWatch::Alarm"]
    silent = {r["AlarmName"]: r for r in alarms if r["TreatMissingData"] == "breaching"}
    assert set(silent) == {f"{name}-silent" for name in schedules}
    for name, alarm in silent.items():
        schedule = schedules[name.removesuffix("-silent")]
        count, unit = re.fullmatch(r"rate\((\d+) (\w+)\)", schedule["ScheduleExpression"]).groups()
        function = resources[schedule["Target"]["Arn"].removesuffix("Aliaslive")]
        first_figure_s = DEPLOY_S + int(count) * SECONDS[unit] + function["Timeout"] + INGESTION_S
        warm_up_s = 60 * alarm["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"]
        # It ends with the first figure; a watcher that never runs is seen soon after, before anybody relies on it.
        assert first_figure_s < warm_up_s <= first_figure_s + 3600, name
        assert alarm["WarmUpConfiguration"]["OnlyStartEvaluatingAfterWarmUpPeriodEnds"] is False, name
        # One that is missed is none, and two are.
        assert alarm["Period"] * alarm["EvaluationPeriods"] > 2 * int(count) * SECONDS[unit], name
    assert not [r["AlarmName"] for r in alarms if "WarmUpConfiguration" in r and r["AlarmName"] not in silent]


def test_books_are_late_when_a_day_was_not_reconciled_for_another_whole_day(template):
    code = (ROOT / "functions" / "reconciler" / "src" / "config.rs").read_text()
    [defaults] = re.findall(r"Self \{ (provider: .*) \}", code)
    settle = {name: 60 * int(minutes) for name, minutes in re.findall(r"(ours|rail): (\d+)", defaults)}
    assert set(settle) == {"ours", "rail"}
    written = tomllib.loads((ROOT / "infra" / "payonce.toml").read_text()).get("reconciler", {}).get("settle_minutes", {})
    settle |= {name: 60 * minutes for name, minutes in written.items() if name in settle}
    day, hour = 86_400, 3_600
    late = template["Resources"]["ReconciliationLateAlarm"]["Properties"]
    # The next day, its settling and the run after that are no delay; a day of runs that fail is one.
    assert late["Threshold"] == day + max(settle.values()) + hour + day
    assert late["MetricName"] == "BooksBehindSeconds"


def test_reconciler_is_silent_after_three_runs_that_did_not_end_well(template):
    silent = template["Resources"]["ReconcilerSilentAlarm"]["Properties"]
    assert plain(template["Resources"]["ReconcilerSchedule"]["Properties"]["ScheduleExpression"]) == "rate(1 hour)"
    assert (silent["Period"] * silent["EvaluationPeriods"], silent["TreatMissingData"]) == (3 * 3600, "breaching")


def _actions(template, alarm, **parameters):
    """Whom an alarm tells with these parameters: names of the topics' parameters."""
    values = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()} | parameters

    def holds(condition):
        [(function, argument)] = (template["Conditions"][condition] if isinstance(condition, str) else condition).items()
        if function == "Fn::Equals":
            left, right = (values[a["Ref"]] if isinstance(a, dict) else a for a in argument)
            return str(left) == str(right)
        if function == "Fn::Not":
            return not holds(argument[0])
        if function == "Fn::And":
            return all(map(holds, argument))
        assert function == "Condition"
        return holds(argument)

    def told(actions):
        return [then["Ref"] for condition, then, _ in (action["Fn::If"] for action in actions) if holds(condition)]

    properties = alarm["Properties"]
    assert told(properties["AlarmActions"]) == told(properties["OKActions"])
    return told(properties["AlarmActions"]) if "Condition" not in alarm or holds(alarm["Condition"]) else []


def test_one_incident_pages_once_and_every_alarm_tells_somebody(template):
    alarms = {name: r for name, r in template["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    composed = {name: r for name, r in template["Resources"].items() if r["Type"] == "AWS::CloudWatch::CompositeAlarm"}
    # Two of each provider, so that one provider's fault keeps no other's from paging, and one of the stack.
    assert len(composed) == 2 * len(PROVIDERS) + 1
    topics = {"PageTopicArn": "arn:page", "TicketTopicArn": "arn:ticket"}
    members = [name for r in composed.values() for name in re.findall(r"ALARM\(\"\$\{(\w+)\}\"\)", r["Properties"]["AlarmRule"]["Fn::Sub"])]
    assert len(members) == len(set(members)) and set(members) <= set(alarms)
    for name, alarm in alarms.items():
        together = _actions(template, alarm, **topics)
        singly = _actions(template, alarm, **topics, CompositeAlarms="false")
        assert len(singly) == 1
        assert together == ([] if name in members else singly), name
        assert name not in members or singly == ["PageTopicArn"], name
        assert _actions(template, alarm) == []
    for alarm in composed.values():
        assert _actions(template, alarm, **topics) == ["PageTopicArn"]
        assert _actions(template, alarm, **topics, CompositeAlarms="false") == []


def test_every_alarm_leads_to_a_runbook_that_its_index_lists(template):
    index = (ROOT / "infra" / "runbooks" / "alarms.md").read_text()
    for resource in template["Resources"].values():
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
            properties = resource["Properties"]
            [runbook] = re.findall(r"\$\{RunbookUrl\}([a-z0-9-]+\.md)$", properties["AlarmDescription"]["Fn::Sub"])
            assert f"]({runbook})" in index
            name = properties["AlarmName"]
            for provider in PROVIDERS:
                for of in ("webhook", "incident"):
                    name = name.replace(f"{of}-{provider}-", f"{of}-{{provider}}-")
            assert f"`{name}`" in index


def test_every_alarm_counts_a_metric_that_something_writes(template):
    catalogue = (ROOT / "shared" / "runtime" / "src" / "metrics.rs").read_text()
    metrics = {name: set(wide.split(", ")) for name, wide in re.findall(r"^    (\w+): \w+ \w+, \[([\w, ]+)\], \"", catalogue, re.M)}
    assert len(metrics) > 40
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::CloudWatch::Alarm" or resource["Properties"]["Namespace"] != "payonce":
            continue
        properties = resource["Properties"]
        of_provider = metrics[properties["MetricName"]] <= {"Delivery", "Payout"}
        assert of_provider or not metrics[properties["MetricName"]] & {"Delivery", "Payout"}, f"{properties['MetricName']} has two sets of dimensions"
        assert bool(properties.get("Dimensions")) == of_provider, properties["MetricName"]


def test_what_alarms_look_at_is_what_retry_audit_is_told(template):
    """By the file that is compiled into it: a name as it is written out, or whose it is where CloudFormation makes the name."""
    resources = template["Resources"]
    functions = {plain(r["Properties"]["FunctionName"]): plain(r["Properties"]) for r in resources.values() if r["Type"] == "AWS::Lambda::Function"}
    tables = {table: name for name, table in Subjects(template).tables.items()}
    known = {plain(r["Properties"]["AlarmName"]): plain(r["Properties"]) for r in resources.values() if r["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")}
    names = {logical: plain(r["Properties"]["FunctionName"]) for logical, r in resources.items() if r["Type"] == "AWS::Lambda::Function"}
    told = json.loads((MADE / "alarms.json").read_text())
    assert len(told["alarms"]) + len(told["incidents"]) == len(known)
    for alarm in told["alarms"]:
        says = {
            "Value": lambda value: value,
            "LogOf": lambda function: functions[function]["LoggingConfig"]["LogGroup"],
            "ApiOf": lambda _: "Api",
            "Table": tables.__getitem__,
            "Expected": lambda word: "".join(part.capitalize() for part in word.split("_")),
        }
        expected = {one["Name"]: says[key](value) for one in alarm["Dimensions"] for key, value in one.items() if key != "Name"}
        found = {one["Name"]: names.get(one["Value"], one["Value"]) for one in known[alarm["AlarmName"]].get("Dimensions", [])}
        assert found == expected, alarm["AlarmName"]
    for incident in told["incidents"]:
        rule = re.sub(r"\$\{(\w+)\}", lambda id: resources[id[1]]["Properties"]["AlarmName"], known[incident["AlarmName"]]["AlarmRule"])
        assert rule == incident["AlarmRule"]


def test_alarms_are_there_before_they_are_compared(template):
    """And nothing that may not be made: the schedule would not be, either."""
    after = set(template["Resources"]["RetryAuditSchedule"]["DependsOn"])
    assert after == {name for name, r in template["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    assert not [name for name in after if "Condition" in template["Resources"][name]]
