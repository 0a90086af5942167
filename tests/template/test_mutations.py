"""Changes that somebody might make to the template, each caught by the place of the census that it breaks."""

import pytest
from census import violations
from translated import source, translate


# Of the two providers one is changed: what holds for each must be seen of each.
WEBHOOK = "Webhookstripe"


def webhook(template, suffix=""):
    return template["Resources"][WEBHOOK + suffix]


def properties(template, name):
    return template["Resources"][name]["Properties"]


def globals_(template):
    return template["Globals"]["Function"]


def put(path, value):
    """Sets a value in the properties of a resource: `put("Tripwire/RedrivePolicy", …)`; `Webhook/…` is one provider's."""

    def change(template):
        name, *steps, last = path.split("/")
        at = globals_(template) if name == "Globals" else None
        if at is None and name.startswith("Webhook"):
            at = webhook(template, name.removeprefix("Webhook"))["Properties"]
        at = properties(template, name) if at is None else at
        for step in steps:
            at = at[int(step) if step.isdigit() else step]
        at[last] = value

    return change


def gone(path):
    def change(template):
        name, *steps, last = path.split("/")
        at = globals_(template) if name == "Globals" else properties(template, name)
        for step in steps:
            at = at[step]
        del at[last]

    return change


def without(name):
    def change(template):
        del template["Resources"][WEBHOOK + name.removeprefix("Webhook") if name.startswith("Webhook") else name]

    return change


def attribute(name, key, value):
    def change(template):
        template["Resources"][name][key] = value

    return change


def more(name, type_, **its_properties):
    def change(template):
        template["Resources"][name] = {"Type": type_, "Properties": its_properties}

    return change


def more_of_webhook(suffix, type_, its_properties):
    def change(template):
        template["Resources"][WEBHOOK + suffix] = {"Type": type_, "Properties": its_properties}

    return change


def allow(role, action, table="AuditTable"):
    def change(template):
        statements(template, role).append({"Effect": "Allow", "Action": action, "Resource": {"Fn::GetAtt": [table, "Arn"]}})

    return change


def statements(template, role):
    at = webhook(template, "Role")["Properties"] if role == "WebhookRole" else properties(template, role)
    return at["Policies"][0]["PolicyDocument"]["Statement"]


def invoke(role, function):
    def change(template):
        statements(template, role).append({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": {"Ref": function}})

    return change


def own_items(role, change):
    """`change` gets the statement by which a role writes its own items of the reconcile table."""
    return lambda template: change(next(s for s in statements(template, role) if s.get("Sid") == "OwnItems"))


def evidence(template):
    return next(s for s in statements(template, "ConsoleRole") if s.get("Sid") == "Evidence")


def also(role, key):
    return own_items(role, lambda statement: statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append(key))


AUDIT_POLICY = "AuditTable/ResourcePolicy/PolicyDocument/Statement"
ALIAS = {"Ref": f"{WEBHOOK}.Alias"}
STREAM = {"Fn::GetAtt": ["AuditTable", "StreamArn"]}

FAILED_RUNS = {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": ["FailedRuns", "Arn"]}}}}

MUTATIONS = [
    ("seven retries through the alias", "async-retries", put("Globals/EventInvokeConfig/MaximumRetryAttempts", 7)),
    ("one retry past the alias", "async-retries", put("WebhookEventInvokeConfigLatest/MaximumRetryAttempts", 1)),
    ("retries through the alias not said", "async-retries", gone("Globals/EventInvokeConfig/MaximumRetryAttempts")),
    ("nothing said for $LATEST of webhook", "async-retries", without("WebhookEventInvokeConfigLatest")),
    ("nothing said for $LATEST of the sweeper", "async-retries", without("SweeperEventInvokeConfigLatest")),
    ("nothing said for $LATEST of the reconciler", "async-retries", without("ReconcilerEventInvokeConfigLatest")),
    ("nothing said for $LATEST of payer", "async-retries", without("PayerEventInvokeConfigLatest")),
    ("retries past the console's alias", "async-retries", put("ConsoleEventInvokeConfigLatest/MaximumRetryAttempts", 2)),
    ("nothing said for the aliases", "async-retries", gone("Globals/EventInvokeConfig")),
    ("said for a version's number", "async-retries", put("SweeperEventInvokeConfigLatest/Qualifier", "1")),
    ("six hours in Lambda's queue", "async-age", put("Globals/EventInvokeConfig/MaximumEventAgeInSeconds", 21600)),
    ("six hours past the alias", "async-age", put("AuditWatchEventInvokeConfigLatest/MaximumEventAgeInSeconds", 21600)),
    ("no tripwire", "async-drop", gone("Globals/EventInvokeConfig/DestinationConfig")),
    ("no tripwire past the alias", "async-drop", gone("SweeperEventInvokeConfigLatest/DestinationConfig")),
    ("the tripwire is redriven", "async-drop", put("Tripwire/RedrivePolicy", {"deadLetterTargetArn": "arn", "maxReceiveCount": 3})),
    ("failed runs are redriven", "async-drop", put("FailedRuns/RedrivePolicy", {"deadLetterTargetArn": "arn", "maxReceiveCount": 3})),
    ("a failed run of the sweeper looks like an intruder", "async-drop", gone("Sweeper/EventInvokeConfig")),
    ("a failed run of the reconciler looks like an intruder", "async-drop", gone("Reconciler/EventInvokeConfig")),
    ("a failed run of retry-audit looks like an intruder", "async-drop", gone("RetryAudit/EventInvokeConfig")),
    ("an intruder at payer looks like a failed run", "async-drop", put("Payer/EventInvokeConfig", FAILED_RUNS)),
    ("an intruder at a webhook looks like a failed run", "async-drop", put("Webhook/EventInvokeConfig", FAILED_RUNS)),
    ("an intruder past the alias looks like a failed run", "async-drop", put("SweeperEventInvokeConfigLatest/DestinationConfig", {"OnFailure": {"Destination": {"Fn::GetAtt": ["FailedRuns", "Arn"]}}})),
    ("audit-watch hangs on a NAT gateway", "network", put("AuditWatch/VpcConfig", {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})),
    ("retry-audit hangs on a NAT gateway", "network", put("RetryAudit/VpcConfig", {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})),
    ("a dead-letter queue", "dead-letter-queue", put("Globals/DeadLetterQueue", {"Type": "SQS", "TargetArn": "arn:aws:sqs:eu-central-1:1:q"})),
    ("a queue feeds a webhook", "source-mapping", more_of_webhook("Queue", "AWS::Lambda::EventSourceMapping", {"FunctionName": ALIAS, "EventSourceArn": {"Fn::GetAtt": ["Tripwire", "Arn"]}})),
    ("the stream feeds the sweeper", "source-mapping", put("AuditWatchMapping/FunctionName", {"Ref": "Sweeper"})),
    ("a second mapping of the watch", "source-mapping", more("Second", "AWS::Lambda::EventSourceMapping", FunctionName={"Ref": "AuditWatch"}, EventSourceArn=STREAM)),
    ("the stream feeds payer", "source-mapping", more("Feed", "AWS::Lambda::EventSourceMapping", FunctionName={"Ref": "Payer.Alias"}, EventSourceArn=STREAM)),
    ("the watch's stream repeats for ever", "watch-mapping", gone("AuditWatchMapping/MaximumRetryAttempts")),
    ("the watch's stream repeats for a day", "watch-mapping", gone("AuditWatchMapping/MaximumRecordAgeInSeconds")),
    ("the watch sees every put", "watch-mapping", gone("AuditWatchMapping/FilterCriteria")),
    ("the watch does not see removals", "watch-mapping", put("AuditWatchMapping/FilterCriteria/Filters/0/Pattern", '{"eventName":["MODIFY"]}')),
    ("nobody is told twice", "notices-mapping", put("NoticesAuditMapping/MaximumRetryAttempts", 0)),
    ("what was not told is nobody's", "notices-mapping", gone("NoticesCaseMapping/DestinationConfig")),
    ("a case that was resolved is not told", "source-mapping", without("NoticesCaseMapping")),
    ("a bus invokes a webhook", "event-rules", more_of_webhook("OfTheBus", "AWS::Events::Rule", {"EventBusName": {"Ref": "NoticesBus"}, "EventPattern": {"source": ["payonce"]}, "Targets": [{"Id": "x", "Arn": ALIAS}]})),
    ("notices may invoke payer", "invoking-roles", invoke("NoticesRole", "Payer.Alias")),
    ("the watch sleeps", "watch-mapping", put("AuditWatchMapping/Enabled", False)),
    ("anybody may invoke a webhook", "resource-policy", put("WebhookPermission/Principal", "*")),
    ("any route may invoke a webhook", "resource-policy", put("WebhookPermission/SourceArn", {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"})),
    ("no source is asked for", "resource-policy", lambda t: webhook(t, "Permission")["Properties"].pop("SourceArn")),
    ("the gateway invokes past the alias", "resource-policy", put("WebhookPermission/FunctionName", {"Ref": WEBHOOK})),
    ("SNS may invoke a webhook, too", "resource-policy", more_of_webhook("Sns", "AWS::Lambda::Permission", {"Action": "lambda:InvokeFunction", "FunctionName": ALIAS, "Principal": "sns.amazonaws.com", "SourceArn": "arn"})),
    ("somebody may invoke the sweeper", "resource-policy", more("Extra", "AWS::Lambda::Permission", Action="lambda:InvokeFunction", FunctionName={"Ref": "Sweeper"}, Principal="events.amazonaws.com")),
    ("the gateway may invoke payer", "resource-policy", put("ConsolePermission/FunctionName", {"Ref": "Payer.Alias"})),
    ("an account may invoke payer", "resource-policy", more("Extra", "AWS::Lambda::Permission", Action="lambda:InvokeFunction", FunctionName={"Ref": "Payer.Alias"}, Principal="111122223333")),
    ("the stream feeds the reconciler", "source-mapping", more("Feed", "AWS::Lambda::EventSourceMapping", FunctionName={"Ref": "Reconciler.Alias"}, EventSourceArn=STREAM)),
    ("somebody may invoke the reconciler", "resource-policy", more("Extra", "AWS::Lambda::Permission", Action="lambda:InvokeFunction", FunctionName={"Ref": "Reconciler.Alias"}, Principal="events.amazonaws.com")),
    ("the console's permission is for any route", "resource-policy", put("ConsolePermission/SourceArn", {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"})),
    ("the sweeper may invoke payer", "invoking-roles", invoke("SweeperRole", "Payer.Alias")),
    ("the console may invoke payer past its alias", "invoking-roles", invoke("ConsoleRole", "Payer")),
    ("the console may invoke the sweeper", "invoking-roles", invoke("ConsoleRole", "Sweeper.Alias")),
    ("the reconciler may invoke payer", "invoking-roles", invoke("ReconcilerRole", "Payer.Alias")),
    ("the console may invoke the reconciler", "invoking-roles", invoke("ConsoleRole", "Reconciler.Alias")),
    ("the schedules may not invoke the reconciler", "invoking-roles", lambda t: statements(t, "ScheduleRole")[0]["Resource"].remove({"Ref": "Reconciler.Alias"})),
    ("a webhook may invoke payer", "invoking-roles", invoke("WebhookRole", "Payer.Alias")),
    ("the schedules may invoke payer", "invoking-roles", invoke("ScheduleRole", "Payer.Alias")),
    ("nobody may invoke payer", "invoking-roles", lambda t: statements(t, "ConsoleRole").remove(next(s for s in statements(t, "ConsoleRole") if s["Sid"] == "Payer"))),
    ("another alias", "aliases", more("Beta", "AWS::Lambda::Alias", Name="beta", FunctionName={"Ref": "Sweeper"}, FunctionVersion="1")),
    ("a URL", "function-url", put("Sweeper/FunctionUrlConfig", {"AuthType": "AWS_IAM"})),
    ("a rule of EventBridge", "event-rules", put("Sweeper/Events", {"Tick": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}})),
    ("a topic invokes a webhook", "event-rules", more_of_webhook("Topic", "AWS::SNS::Subscription", {"Protocol": "lambda", "TopicArn": "arn", "Endpoint": ALIAS})),
    ("a state machine", "event-rules", more("Machine", "AWS::StepFunctions::StateMachine", RoleArn="arn", DefinitionString="{}")),
    ("the schedule retries", "schedule-retries", put("SweeperSchedule/Target/RetryPolicy/MaximumRetryAttempts", 185)),
    ("the schedule's retries are not said", "schedule-retries", gone("RetryAuditSchedule/Target/RetryPolicy")),
    ("the reconciler's schedule retries", "schedule-retries", put("ReconcilerSchedule/Target/RetryPolicy/MaximumRetryAttempts", 1)),
    ("nothing runs the reconciler", "schedule-retries", without("ReconcilerSchedule")),
    ("the schedule is off", "schedule-retries", put("SweeperSchedule/State", "DISABLED")),
    ("a schedule invokes audit-watch", "schedule-retries", put("RetryAuditSchedule/Target/Arn", {"Ref": "AuditWatch.Alias"})),
    ("a schedule invokes payer", "schedule-retries", more("Hourly", "AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, State="ENABLED", Target={"Arn": {"Ref": "Payer.Alias"}, "RoleArn": "arn", "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}})),
    ("a durable function", "durable-function", put("Webhook/DurableConfig", {"ExecutionTimeout": 3600})),
    ("managed instances", "managed-instances", put("RetryAudit/CapacityProviderConfig", {"Arn": "arn:aws:lambda:eu-central-1:111122223333:capacity-provider:x"})),
    ("snapshots", "snap-start", put("Webhook/SnapStart", {"ApplyOn": "PublishedVersions"})),
    ("a layer", "layers", put("Globals/Layers", ["arn:aws:lambda:eu-central-1:111122223333:layer:x:1"])),
    ("provisioned concurrency", "provisioned-concurrency", put("Globals/ProvisionedConcurrencyConfig", {"ProvisionedConcurrentExecutions": 1})),
    ("the concurrency is fixed", "reserved-concurrency", put("Webhook/ReservedConcurrentExecutions", 100)),
    ("a slow rail may keep the sweeper from running", "reserved-concurrency", gone("Sweeper/ReservedConcurrentExecutions")),
    ("payer has no concurrency", "reserved-concurrency", put("Payer/ReservedConcurrentExecutions", 0)),
    ("strangers may use up the account at the console", "reserved-concurrency", gone("Console/ReservedConcurrentExecutions")),
    ("loops are allowed", "recursion", put("Globals/RecursiveLoop", "Allow")),
    ("recursion is not said", "recursion", gone("Globals/RecursiveLoop")),
    ("the function's time-out is fixed", "timeout-ladder", put("Webhook/Timeout", 60)),
    ("payer outlives the console", "timeout-ladder", put("Payer/Timeout", 60)),
    ("the console ends before payer", "timeout-ladder", put("Console/Timeout", 10)),
    ("the gateway gives the console up", "timeout-ladder", put("ConsoleIntegration/TimeoutInMillis", 5000)),
    ("the gateway's time-out is its default", "timeout-ladder", lambda t: webhook(t, "Integration")["Properties"].pop("TimeoutInMillis")),
    ("AWS_MAX_ATTEMPTS", "environment", put("Globals/Environment/Variables/AWS_MAX_ATTEMPTS", "1")),
    ("AWS_NEW_RETRIES_2026", "environment", put("Webhook/Environment/Variables/AWS_NEW_RETRIES_2026", "true")),
    ("AWS_ENDPOINT_URL", "environment", put("Webhook/Environment/Variables/AWS_ENDPOINT_URL", "https://elsewhere.example")),
    ("HTTPS_PROXY", "environment", put("Globals/Environment/Variables/HTTPS_PROXY", "http://proxy.example")),
    ("RUST_LOG", "environment", put("Webhook/Environment/Variables/RUST_LOG", "trace")),
    ("the console's way to payer leads elsewhere", "environment", put("Console/Environment/Variables/AWS_ENDPOINT_URL", "https://elsewhere.example")),
    ("payer has variables of the console's", "environment", put("Payer/Environment", {"Variables": {"PAYONCE_ORIGIN": "https://elsewhere.example"}})),
    ("the reconciler's own switch", "environment", put("Reconciler/Environment", {"Variables": {"PAYONCE_PROVIDER": "stripe"}})),
    ("a setting that nobody thought of", "unknown-setting", put("Sweeper/FileSystemConfigs", [{"Arn": "arn:aws:elasticfilesystem:eu-central-1:111122223333:access-point/fsap-x", "LocalMountPath": "/mnt/x"}])),
    ("a catch-all route", "front-door", put("WebhookRoute/RouteKey", "$default")),
    ("a route without the token", "front-door", put("WebhookRoute/RouteKey", "POST /webhooks/stripe")),
    ("format 1.0", "front-door", put("WebhookIntegration/PayloadFormatVersion", "1.0")),
    ("a route to a queue", "front-door", put("WebhookIntegration/IntegrationType", "HTTP_PROXY")),
    ("a second route", "front-door", more_of_webhook("Other", "AWS::ApiGatewayV2::Route", {"ApiId": {"Ref": "Api"}, "RouteKey": "POST /x", "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{WEBHOOK}Integration"}]]}})),
    ("a route to payer", "front-door", put("ConsoleIntegration/IntegrationUri", {"Ref": "Payer.Alias"})),
    ("a third route to the console", "front-door", more("Root", "AWS::ApiGatewayV2::Route", ApiId={"Ref": "Api"}, RouteKey="ANY /{proxy+}", Target={"Fn::Join": ["/", ["integrations", {"Ref": "ConsoleIntegration"}]]})),
    ("the console takes every address", "front-door", put("ConsoleRouteBelow/RouteKey", "$default")),
    ("a hook of the canary", "canary-hook", put("Webhook/DeploymentPreference/Hooks", {"PreTraffic": {"Ref": "Sweeper"}})),
    ("claims expire", "claims-expire", put("AuditTable/TimeToLiveSpecification", {"Enabled": True, "AttributeName": "expires"})),
    ("cases expire", "claims-expire", put("ReconcileTable/TimeToLiveSpecification", {"Enabled": True, "AttributeName": "expires"})),
    ("bodies stay for ever", "claims-expire", gone("BodiesTable/TimeToLiveSpecification")),
    ("no deletion protection", "claims-deleted", put("AuditTable/DeletionProtectionEnabled", False)),
    ("no recovery to a point in time", "claims-deleted", gone("AuditTable/PointInTimeRecoverySpecification")),
    ("recovery to a point in time of a week", "claims-deleted", put("AuditTable/PointInTimeRecoverySpecification/RecoveryPeriodInDays", 7)),
    ("the table goes with the stack", "claims-deleted", attribute("AuditTable", "DeletionPolicy", "Delete")),
    ("the table goes when it is replaced", "claims-deleted", attribute("ReconcileTable", "UpdateReplacePolicy", "Delete")),
    ("the table's name is made up by CloudFormation", "claims-deleted", put("AuditTable/TableName", {"Ref": "AWS::NoValue"})),
    ("not encrypted with the key", "claims-deleted", gone("BodiesTable/SSESpecification")),
    ("provisioned capacity throttles a claim", "claims-deleted", put("AuditTable/BillingMode", "PROVISIONED")),
    ("a replica in another region", "claims-in-two-regions", put("AuditTable/Replicas", [{"Region": "eu-west-1"}])),
    ("no stream to watch", "claims-overwritten", put("AuditTable/StreamSpecification/StreamViewType", "KEYS_ONLY")),
    ("a webhook may delete claims", "claims-overwritten", allow("WebhookRole", "dynamodb:DeleteItem")),
    ("the sweeper may update claims", "claims-overwritten", allow("SweeperRole", ["dynamodb:GetItem", "dynamodb:UpdateItem"])),
    ("a webhook may write in bulk", "claims-overwritten", allow("WebhookRole", "dynamodb:BatchWriteItem")),
    ("a webhook may do anything with claims", "claims-overwritten", allow("WebhookRole", "dynamodb:*")),
    ("the console may write claims", "claims-overwritten", allow("ConsoleRole", "dynamodb:PutItem")),
    ("the reconciler may correct our own book", "claims-overwritten", allow("ReconcilerRole", "dynamodb:PutItem")),
    ("the reconciler may read all claims at once", "claims-overwritten", allow("ReconcilerRole", "dynamodb:Scan")),
    ("the console may read all claims at once", "claims-overwritten", allow("ConsoleRole", "dynamodb:Scan")),
    ("payer may update claims", "claims-overwritten", allow("PayerRole", "dynamodb:UpdateItem")),
    ("the audit table has no policy", "claims-unprotected", gone("AuditTable/ResourcePolicy")),
    ("the audit table's policy lets deletions be", "claims-unprotected", lambda t: properties(t, "AuditTable")["ResourcePolicy"]["PolicyDocument"]["Statement"][0]["Action"].remove("dynamodb:DeleteItem")),
    ("the audit table's policy is for one role", "claims-unprotected", put(f"{AUDIT_POLICY}/0/Principal", {"AWS": "arn:aws:iam::111122223333:role/x"})),
    ("the audit table's policy has a condition", "claims-unprotected", put(f"{AUDIT_POLICY}/0/Condition", {"Bool": {"aws:SecureTransport": "false"}})),
    ("the audit table's policy is of another table", "claims-unprotected", put(f"{AUDIT_POLICY}/0/Resource", "arn:aws:dynamodb:eu-central-1:111122223333:table/payonce-bodies")),
    ("the audit table lets another account in", "claims-unprotected", lambda t: properties(t, "AuditTable")["ResourcePolicy"]["PolicyDocument"]["Statement"].append({"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "dynamodb:PutItem", "Resource": "*"})),
    ("the reconcile table lets another account in", "claims-unprotected", put("ReconcileTable/ResourcePolicy", {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "dynamodb:PutItem", "Resource": "*"}]}})),
    *((f"{role} may write {key}", "items-of-others", also(role, key)) for role, key in (
        ("WebhookRole", "control"), ("WebhookRole", "sweeper"), ("WebhookRole", "*"), ("ConsoleRole", "control"), ("ConsoleRole", "sweeper"),
        ("ConsoleRole", "????????-????-????-????-????????????"), ("PayerRole", "control"), ("PayerRole", "batches"), ("SweeperRole", "person"),
        ("SweeperRole", "batch*"), ("SweeperRole", "runs"), ("ConsoleRole", "run/*"), ("ReconcilerRole", "control"), ("ReconcilerRole", "sweeper"),
        ("ReconcilerRole", "????????-????-????-????-????????????"), ("AuditWatchRole", "????????-????-8???-????-????????????"), ("AuditWatchRole", "sweeper"),
    )),
    *((f"{role} may write any item", "items-of-others", own_items(role, lambda s: s.pop("Condition"))) for role in ("WebhookRole", "SweeperRole", "ReconcilerRole", "ConsoleRole", "PayerRole", "AuditWatchRole")),
    *((f"{role} may write without a key", "items-of-others", own_items(role, lambda s: s["Condition"].pop("Null"))) for role in ("WebhookRole", "ConsoleRole")),
    ("one key of several is enough", "items-of-others", own_items("ConsoleRole", lambda s: s["Condition"].update({"ForAnyValue:StringLike": s["Condition"].pop("ForAllValues:StringLike")}))),
    ("the sweeper may not store its round", "items-of-others", own_items("SweeperRole", lambda s: s["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].remove("sweeper"))),
    *((f"the reconciler may not write {key}", "items-of-others", own_items("ReconcilerRole", lambda s, key=key: s["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].remove(key))) for key in ("runs", "run/*", "????????-????-8???-????-????????????")),
    ("the reconciler may write the files of cases", "items-of-others", allow("ReconcilerRole", "dynamodb:PutItem", "BodiesTable")),
    ("the reconciler may not keep what never came", "items-of-others", lambda t: statements(t, "ReconcilerRole").remove(next(s for s in statements(t, "ReconcilerRole") if s.get("Sid") == "Bodies"))),
    ("the sweeper may write bodies", "items-of-others", allow("SweeperRole", "dynamodb:PutItem", "BodiesTable")),
    ("the reconciler may delete runs", "items-of-others", allow("ReconcilerRole", "dynamodb:DeleteItem", "ReconcileTable")),
    ("the console may write a delivery's body", "items-of-others", lambda t: evidence(t)["Condition"]["ForAllValues:StringLike"].update({"dynamodb:LeadingKeys": ["*"]})),
    ("the console may write any body", "items-of-others", lambda t: evidence(t).pop("Condition")),
    ("the console may not keep files", "items-of-others", lambda t: statements(t, "ConsoleRole").remove(evidence(t))),
    ("payer may write bodies", "items-of-others", allow("PayerRole", "dynamodb:PutItem", "BodiesTable")),
    ("payer may not write cases", "items-of-others", lambda t: statements(t, "PayerRole").remove(next(s for s in statements(t, "PayerRole") if s.get("Sid") == "OwnItems"))),
    ("a second statement without a condition", "items-of-others", allow("ConsoleRole", "dynamodb:PutItem", "ReconcileTable")),
    ("the console may delete cases", "items-of-others", allow("ConsoleRole", "dynamodb:DeleteItem", "ReconcileTable")),
    ("retry-audit may write", "items-of-others", allow("RetryAuditRole", "dynamodb:PutItem", "ReconcileTable")),
    ("a managed policy", "claims-overwritten", put("SweeperRole/ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"])),
    ("the schedule may invoke webhooks", "claims-overwritten", lambda t: properties(t, "ScheduleRole")["Policies"][0]["PolicyDocument"]["Statement"][0].update(Resource="*")),
]


@pytest.mark.parametrize(("place", "change"), [m[1:] for m in MUTATIONS], ids=[m[0] for m in MUTATIONS])
def test_change_is_seen_at_its_place(place, change):
    template = source()
    change(template)
    assert place in {found for found, _, _ in violations(translate(template))}


def test_every_place_of_the_template_has_a_mutation():
    from census import PLACES

    assert {p["id"] for p in PLACES if p.get("template")} == {place for _, place, _ in MUTATIONS}
