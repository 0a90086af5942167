"""What a row of the census can speak of, found in a translated template."""

from dataclasses import dataclass, field

from rights import wrong_writes
from translated import plain

# Whatever else could invoke a function, repeat a message or keep state is not on this list, and so is not in the stack.
ALLOWED_TYPES = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::AlarmMuteRule",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::QueryDefinition",
    "AWS::Scheduler::Schedule",
    "AWS::SQS::Queue",
}

KINDS = ("webhook", "sweeper", "reconciler", "retry-audit", "audit-watch", "notices", "console", "payer")
TABLES = ("audit", "bodies", "reconcile")

# On the audit table. With PutItem alone nothing can be freed; what PutItem can do is watched.
FORBIDDEN_ON_AUDIT = {
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PartiQLDelete",
    "dynamodb:DeleteTable",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
    "dynamodb:PutResourcePolicy",
    "dynamodb:DeleteResourcePolicy",
}
# Whoever works with people's browsers, or compares our book with others, may look at claims, and put none there.
READS_AUDIT = ("ConsoleRole", "ReconcilerRole", "NoticesRole")
READING = tuple(f"dynamodb:{action}" for action in ("GetItem", "Query", "DescribeTable", "DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"))


@dataclass
class Subject:
    of: str
    name: str
    value: object
    owner: str = ""  # the function or table that it belongs to, by logical id
    kind: str = ""
    table: str = ""
    qualifier: str = ""
    words: dict = field(default_factory=dict)  # for {provider} and the like in a row


class Subjects:
    def __init__(self, template):
        self.resources = template["Resources"]
        self.all = []
        self.functions, self.tables, self.aliases = {}, {}, {}
        for name, properties in self._of("AWS::Lambda::Function"):
            self.functions[name] = _kind(properties.get("FunctionName"))
        for name, properties in self._of("AWS::Lambda::Alias"):
            self.aliases[name] = (properties["FunctionName"], properties["Name"])
        for name, properties in self._of("AWS::DynamoDB::Table"):
            self.tables[name] = str(properties.get("TableName", "")).rsplit("-", 1)[-1]
        self._collect()

    def _of(self, type_):
        for name, resource in self.resources.items():
            if resource["Type"] == type_:
                yield name, plain(resource.get("Properties", {}))

    def _function(self, reference):
        """The function, its qualifier: `$LATEST` where the reference names none."""
        if reference in self.aliases:
            return self.aliases[reference]
        return reference, "$LATEST"

    def _add(self, of, name, value, reference=None, qualifier=None):
        function, from_reference = self._function(reference) if reference else ("", "")
        kind, _, provider = self.functions.get(function, "unknown" if reference else "").partition("/")
        words = {"provider": provider, "path_token": "${PathToken}"}
        self.all.append(Subject(of, name, value, function, kind, "", qualifier or from_reference, words))

    def _collect(self):
        for name, properties in self._of("AWS::Lambda::Function"):
            self._add("function", name, properties, name)
        for name, properties in self._of("AWS::Lambda::Alias"):
            self._add("alias", name, properties, properties["FunctionName"])
        for name, properties in self._of("AWS::Lambda::EventInvokeConfig"):
            self._add("event_invoke_config", name, properties, properties["FunctionName"], properties["Qualifier"])
        for name, properties in self._of("AWS::Lambda::EventSourceMapping"):
            self._add("mapping", name, properties, properties["FunctionName"])
        for name, properties in self._of("AWS::Lambda::Permission"):
            self._add("policy_statement", name, properties, properties["FunctionName"])
        for name, properties in self._of("AWS::Lambda::Url"):
            self._add("url", name, properties, properties["TargetFunctionArn"])
        for name, properties in self._of("AWS::Scheduler::Schedule"):
            self._add("schedule", name, properties, properties["Target"]["Arn"])
        integrations = {}
        for name, properties in self._of("AWS::ApiGatewayV2::Integration"):
            integrations[name] = properties["IntegrationUri"]
            self._add("integration", name, properties, properties["IntegrationUri"])
        for name, properties in self._of("AWS::ApiGatewayV2::Route"):
            target = str(properties["Target"]).removeprefix("integrations/")
            self._add("route", name, properties, integrations.get(target, target))
        for name, properties in self._of("AWS::ApiGatewayV2::Api"):
            self._add("api", name, properties)
        for name, properties in self._of("AWS::SQS::Queue"):
            self._add("queue", name, properties)
        for name, resource in self.resources.items():
            if resource["Type"] not in ALLOWED_TYPES:
                self._add("forbidden_resource", name, resource["Type"])
        for name, properties in self._of("AWS::CodeDeploy::DeploymentGroup"):
            hooks = self.resources[name].get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
            for hook in ("BeforeAllowTrafficHook", "AfterAllowTrafficHook"):
                if hook in hooks:
                    self._add("deployment_hook", name, hook)
        for name, _ in self._of("AWS::Lambda::Alias"):
            update = self.resources[name].get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
            for hook in {"BeforeAllowTrafficHook", "AfterAllowTrafficHook"} & update.keys():
                self._add("deployment_hook", name, hook)
        self._tables()
        self._policies()

    def _tables(self):
        for name, properties in self._of("AWS::DynamoDB::Table"):
            table = self.tables[name]
            self.all.append(Subject("table", name, properties, name, "", table))
            self.all.append(Subject("table_resource", name, self.resources[name], name, "", table))

    def _policies(self):
        for name, properties in self._of("AWS::IAM::Role"):
            for arn in properties.get("ManagedPolicyArns", []):
                if not str(arn).endswith("service-role/AWSCodeDeployRoleForLambda"):
                    self._add("forbidden_action", name, f"the managed policy {arn}")
            for wrong in wrong_writes(name, properties.get("Policies", [])):
                self._add("wrong_write", name, wrong)
            for policy in properties.get("Policies", []):
                for statement in _list(policy["PolicyDocument"]["Statement"]):
                    for broken in self._too_much(name, statement):
                        self._add("forbidden_action", name, broken)
                    if any(action.startswith("lambda:Invoke") for action in _list(statement.get("Action", []))):
                        for reference in _list(statement["Resource"]):
                            self._add("invoker", name, name, reference)

    def _too_much(self, role, statement):
        if statement["Effect"] != "Allow":
            return
        for key in ("NotAction", "NotResource"):
            if key in statement:
                yield f"{key} allows what nobody listed"
        actions, resources = _list(statement.get("Action", [])), _list(statement.get("Resource", []))
        on_audit = any(str(r) == "*" or "AuditTable" in str(r) or "-audit" in str(r) for r in resources)
        for action in actions:
            if "*" in action:
                yield f"{action} allows what nobody listed"
            if action in FORBIDDEN_ON_AUDIT and on_audit:
                yield f"{action} on the audit table"
            # Network interfaces are no resource of a table's, and have no narrower one.
            if role in READS_AUDIT and on_audit and action not in READING and not action.startswith("ec2:"):
                yield f"{action} on the audit table, by {role}"
            if action.startswith("lambda:Invoke") and not set(resources) <= set(self.aliases):
                yield f"{action} on {resources}"


def _list(value):
    return value if isinstance(value, list) else [value]


def _kind(function_name):
    """`webhook/stripe` of `payonce-webhook-stripe`."""
    rest = str(function_name).removeprefix("payonce-")
    if rest.startswith("webhook-"):
        return "webhook/" + rest.removeprefix("webhook-")
    return rest if rest in KINDS else "unknown"
