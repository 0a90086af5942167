"""Stripe's own Python library as an oracle: one JSON question a line in, one JSON answer a line out.

Asked by shared/providers/tests/interop.rs, which says what is compared and where we differ on purpose.
"""

import base64
import json
import sys
from types import SimpleNamespace

import stripe
from stripe import _webhook


def answer(question):
    if question["do"] == "version":
        return {"version": stripe.VERSION}
    body = base64.b64decode(question["body"])
    if question["do"] == "sign":
        header = stripe.WebhookSignature.generate_signature_header(
            body.decode("utf-8"), question["secret"], question["t"]
        )
        return {"header": header}
    # The library reads the clock itself; it is given the asker's.
    _webhook.time = SimpleNamespace(time=lambda: question["now_ms"] / 1000)
    try:
        stripe.WebhookSignature.verify_header(
            body, question["header"], question["secret"], stripe.Webhook.DEFAULT_TOLERANCE
        )
    # A strange header or body makes it fail in other ways than with its own error; that, too, is a refusal.
    except Exception:
        return {"ok": False}
    return {"ok": True}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
