"""Which items of the reconcile table each role may write, tried: the emulator's own evaluator decides about the policies as the
template deploys them, with the leading keys that DynamoDB would hand over.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html says what dynamodb:LeadingKeys is, and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html that a transaction needs the rights of its
parts. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html says why
ForAllValues needs the Null beside it: of no key at all every value matches."""

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

TABLE = "ReconcileTable"
BODIES = "BodiesTable"
WRITING = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete")

# Partition keys as shared/ledger/src/keys.rs writes them; test_template.py holds them against it.
ITEMS = {
    "cases": "20b08ebd-f665-8c43-b6ef-eee1de011172",
    "control": "control",
    "sweeper": "sweeper",
    "runs": "runs",
    "run": "run/1795392000000",
    "people": "person",
    "batches": "batches",
    "batch": "batch/1795392000000-0a1b2c3d",
    "imports": "bank",
    "import": f"bank/{'0' * 64}",
    "others": "20b08ebd-f665-4c43-b6ef-eee1de011172",
}
FILE = f"evidence/{ITEMS['cases']}/{'0' * 64}"
OWN = {
    "webhook": {"cases"},
    "SweeperRole": {"cases", "sweeper", "control"},
    "ReconcilerRole": {"cases", "runs", "run"},
    "ConsoleRole": {"cases", "people", "batches", "batch", "imports", "import"},
    "PayerRole": {"cases"},
    "AuditWatchRole": {"control"},
}


def own_items(role):
    return OWN.get("webhook" if role.startswith("Webhook") else role, set())


def wrong_writes(role, policies):
    """What this role may write and should not, or should and may not."""
    documents = [parse_policy_document(policy["PolicyDocument"]) for policy in policies]

    def may(action, keys):
        context = {} if keys is None else {"dynamodb:leadingkeys": keys}
        asked = EvalContext("arn:aws:sts::111122223333:assumed-role/role/x", "AssumedRole", "111122223333", f"dynamodb:{action}", TABLE, "eu-central-1", service_context=context)
        return evaluate(asked, documents).decision == "Allow"

    own = own_items(role)
    for item, key in ITEMS.items():
        if may("PutItem", [key]) != (item in own):
            yield f"{item}: {'may not be' if item in own else 'may be'} written"
        # One of its own beside another's.
        if item not in own and any(may("PutItem", [ITEMS[good], key]) for good in own):
            yield f"{item}: may be written beside an own item"
        for action in WRITING[1:]:
            if may(action, [key]):
                yield f"{item}: {action} is allowed"
    if may("PutItem", None):
        yield "a request without a key is allowed"
    if not role.startswith("Webhook"):
        yield from wrong_writes_of_bodies(role, documents)


def wrong_writes_of_bodies(role, documents):
    """Of what is no delivery's own: the files that people attach to cases."""

    def may(action, keys):
        context = {} if keys is None else {"dynamodb:leadingkeys": keys}
        asked = EvalContext("arn:aws:sts::111122223333:assumed-role/role/x", "AssumedRole", "111122223333", f"dynamodb:{action}", BODIES, "eu-central-1", service_context=context)
        return evaluate(asked, documents).decision == "Allow"

    body, file = "0" * 64, FILE
    if may("PutItem", [file]) != (role == "ConsoleRole"):
        yield "a file of a case: may be written by another than the console, or not by it"
    # The reconciler keeps what a provider lists and never delivered.
    if may("PutItem", [body]) != (role == "ReconcilerRole"):
        yield "a delivery's body: may be written by another than the reconciler, or not by it"
    if any(may("PutItem", keys) for keys in ([file, body], None)):
        yield "a delivery's body may be written beside a file, or without a key"
    if any(may(action, [key]) for action in WRITING[1:] for key in (body, file)):
        yield "what is kept may be changed or deleted"
