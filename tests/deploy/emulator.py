"""MiniStack, with three things that it leaves out. The one condition key of DynamoDB: dynamodb:LeadingKeys, the partition keys that a
write names. Without it every role that may write its own items alone would be refused all of them. And the parameters that SAM gets:
without them it sees their defaults, and makes resources of CodeDeploy, which are unknown here, whatever GradualDeployment is. And saved queries of CloudWatch
Logs Insights, of which it takes the names alone.

A transaction needs the rights of its parts, each with its own key:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html"""

import json

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.services.cloudformation import changesets, engine, handlers, provisioners
from samtranslator.translator import transform as sam

KEY = "pk"  # of every table here


class Part(str):
    """The table's ARN, of one part of a transaction, with the partition key that it names."""

    leading = ()


def leading(detail):
    value = (detail.get("Item") or detail.get("Key") or {}).get(KEY, {})
    return [value["S"]] if "S" in value else []


def service_context(body):
    context = _service_context(body)
    keys = leading(_read(body))
    return context | {"dynamodb:LeadingKeys": keys} if keys else context


def transaction_checks(action, body, *where):
    checks = _transaction_checks(action, body, *where)
    members = iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS
    details = [item[member] for item in _read(body).get("TransactItems", []) for member in members if member in item]
    assert len(details) == len(checks) or not checks
    parts = []
    for (action, table), detail in zip(checks, details):
        part = Part(table)
        part.leading = leading(detail)
        parts.append((action, part))
    return parts


def enforce(*args, resource_arn="*", service_context=None, **others):
    if isinstance(resource_arn, Part) and resource_arn.leading:
        service_context = (service_context or {}) | {"dynamodb:LeadingKeys": resource_arn.leading}
    return _enforce(*args, resource_arn=resource_arn, service_context=service_context, **others)


def _read(body):
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def sam_transform(template, _, policies):
    return _sam_transform(template, engine._transform_parameters(template, *_given), policies)


def apply_transforms(template, provided_params=None, previous_params=None):
    _given[:] = provided_params, previous_params
    return _apply_transforms(template, provided_params, previous_params)


provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": lambda logical_id, properties, stack: (f"{stack}-{logical_id}", {}),
    "delete": lambda physical_id, properties: None,
}
_given = [None, None]
_sam_transform, sam.transform = sam.transform, sam_transform
_apply_transforms = engine._apply_transforms
for module in (engine, changesets, handlers):
    module._apply_transforms = apply_transforms
_service_context, iam_actions.dynamodb_service_context = iam_actions.dynamodb_service_context, service_context
_transaction_checks, iam_actions.dynamodb_transaction_checks = iam_actions.dynamodb_transaction_checks, transaction_checks
_enforce, iam_evaluator.enforce = iam_evaluator.enforce, enforce

if __name__ == "__main__":
    main()
