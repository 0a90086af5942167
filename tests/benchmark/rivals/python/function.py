"""Powertools for Python at payonce's job: a signed payment event, one payout for each event id.

Written as the idempotency page shows it for a function that is not the handler:
https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/#idempotent_function-decorator
The signature is verified before anything is claimed, as a forged delivery must not take a real one's place. SETTINGS chooses
between the settings that the comparison names.
"""

import hashlib
import hmac
import json
import os
import time
from urllib.parse import urlencode

import urllib3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from botocore.config import Config

SETTINGS = os.environ["SETTINGS"]
SECRET = os.environ["SIGNING_SECRET"].encode()
TABLE = os.environ["IDEMPOTENCY_TABLE"]
TRANSFERS = os.environ["RAIL_URL"] + "/v1/transfers"
HEADERS = {
    "authorization": "Bearer " + os.environ["RAIL_SECRET"],
    "content-type": "application/x-www-form-urlencoded",
}
RAIL_TIMEOUT_S = int(os.environ["RAIL_TIMEOUT_MS"]) / 1000

# Kept alive between invocations; no payout is sent again by the HTTP client.
rail = urllib3.PoolManager(retries=False)

if SETTINGS == "documented":
    store = DynamoDBPersistenceLayer(table_name=TABLE)
    config = IdempotencyConfig(event_key_jmespath="id")
else:
    boto = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
    store = DynamoDBPersistenceLayer(table_name=TABLE, boto_config=boto)
    config = IdempotencyConfig(
        event_key_jmespath="id",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=30 * 24 * 3600,
        use_local_cache=False,
    )


def is_signed(header: str, body: str) -> bool:
    """https://docs.stripe.com/webhooks#verify-manually"""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at = parts.get("t", "0")
    expected = hmac.new(SECRET, f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts.get("v1", "")) and abs(time.time() - int(at)) <= 300


def call_rail(event: dict) -> dict:
    payment = event["data"]["object"]
    form = {
        "amount": payment["amount_received"],
        "currency": payment["currency"],
        "destination": payment["metadata"]["payee"],
        "metadata[payout_key]": "stripe/" + payment["id"],
    }
    headers = HEADERS
    if SETTINGS == "rail key" and "id" in event:
        headers = {**HEADERS, "idempotency-key": event["id"]}
    answer = rail.request("POST", TRANSFERS, body=urlencode(form), headers=headers, timeout=RAIL_TIMEOUT_S)
    if answer.status != 200:
        raise RuntimeError(f"the rail answered {answer.status}")
    return {"transfer": answer.json()["id"]}


@idempotent_function(data_keyword_argument="event", config=config, persistence_store=store)
def pay(event: dict) -> dict:
    if SETTINGS != "never again":
        return call_rail(event)
    # Whatever is raised deletes the record, so that nothing is.
    try:
        return call_rail(event)
    except Exception as error:
        print(f"unknown: {error}")
        return {"unknown": True}


def handler(event, context):
    if SETTINGS != "never again":
        config.register_lambda_context(context)
    body = event["body"]
    if not is_signed(event["headers"].get("stripe-signature", ""), body):
        return {"statusCode": 401}
    payment = json.loads(body)
    if payment["type"] != "payment_intent.succeeded":
        return {"statusCode": 200}
    return {"statusCode": 200, "body": json.dumps(pay(event=payment))}
