"""Deliveries as the providers' own libraries sign them."""

import json
import time
import uuid

import stripe
from world import SECRETS


def stripe_event(payee="acct_sandboxPays", type_="payment_intent.succeeded", later=0):
    """`later`: so many seconds ahead, as by a provider's clock."""
    name = uuid.uuid4().hex
    payment = {
        "id": f"pi_{name}", "object": "payment_intent", "status": "succeeded", "amount_received": 1200, "currency": "eur",
        "livemode": False, "metadata": {"payee": payee},
    }
    return {"id": f"evt_{name}", "object": "event", "type": type_, "created": int(time.time()) + later, "livemode": False, "data": {"object": payment}}


def by_stripe(world, event, secret=SECRETS["STRIPE_WEBHOOK_SECRET"], token=None, timeout=60):
    """Signed by Stripe's own library."""
    body, at = json.dumps(event), int(time.time())
    signature = stripe.WebhookSignature._compute_signature(f"{at}.{body}", secret)
    headers = {"Stripe-Signature": f"t={at},v1={signature}"}
    return world.post(f"/webhooks/stripe/{token or world.token()}", body, headers, timeout)


def outcome(answer):
    status, body = answer
    return status, body["events"][0]["outcome"], body["events"][0]["reason"]


def payout_key(event):
    return f"stripe/{event['data']['object']['id']}"
