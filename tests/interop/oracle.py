"""The providers' own Python libraries as oracles: one JSON question a line in, one JSON answer a line out.

Asked by shared/providers/tests/interop, which says what is compared and where we differ on purpose, and by
tests/end_to_end, which names no provider and means Stripe. A library is loaded when it is first asked.
"""

import base64
import hmac
import json
import sys
from datetime import datetime, timezone
from importlib import metadata
from types import SimpleNamespace


class Stripe:
    package = "stripe"

    def __init__(self):
        import stripe
        from stripe import _webhook

        self.stripe, self.module = stripe, _webhook

    def sign(self, q):
        return self.stripe.WebhookSignature.generate_signature_header(q.body.decode(), q.secret, q.t)

    def verify(self, q):
        # The library reads the clock itself; it is given the asker's.
        self.module.time = SimpleNamespace(time=lambda: q.now_ms / 1000)
        tolerance = self.stripe.Webhook.DEFAULT_TOLERANCE
        return self.stripe.WebhookSignature.verify_header(q.body, q.headers["stripe-signature"], q.secret, tolerance)


class StandardWebhooks:
    package = "standardwebhooks"

    def __init__(self):
        from standardwebhooks import webhooks

        self.module = webhooks
        self.webhook = webhooks.Webhook

    def sign(self, q):
        return self.webhook(q.secret).sign(q.id, datetime.fromtimestamp(q.t, timezone.utc), q.body.decode())

    def verify(self, q):
        self.set_clock(q.now_ms)
        self.webhook(q.secret).verify(q.body, q.headers, json_parse=False)
        return True

    def set_clock(self, now_ms):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.fromtimestamp(now_ms / 1000, tz)

        self.module.datetime = Clock


class Svix(StandardWebhooks):
    """It hands on to the library above."""

    package = "svix"

    def __init__(self):
        super().__init__()
        from svix.webhooks import Webhook

        self.webhook = Webhook

    def verify(self, q):
        self.set_clock(q.now_ms)
        self.webhook(q.secret).verify(q.body, q.headers)
        return True


class Adyen:
    package = "Adyen"

    def __init__(self):
        from Adyen import util

        self.util = util

    # The body to sign is one item; the body to verify a delivery.
    def sign(self, q):
        return self.util.generate_notification_sig(json.loads(q.body), q.secret).decode()

    def verify(self, q):
        return self.util.is_valid_hmac_notification(json.loads(q.body), q.secret)


class AdyenBalancePlatform(Adyen):
    def sign(self, q):
        return self.util.generate_payload_sig(q.body, q.secret).decode()

    def verify(self, q):
        return self.util.is_valid_hmac_payload(q.headers["hmacsignature"], q.secret, q.body)


class Square:
    package = "squareup"

    def verify(self, q):
        from square.utils.webhooks_helper import verify_signature

        return verify_signature(
            request_body=q.body.decode(),
            signature_header=q.headers["x-square-hmacsha256-signature"],
            signature_key=q.secret,
            notification_url=q.url,
        )


class GoCardless:
    package = "gocardless-pro"

    def verify(self, q):
        # `parse` calls it first, and then wants events.
        from gocardless_pro.webhooks import _verify_signature

        _verify_signature(q.body, q.secret, q.headers["webhook-signature"])
        return True


class Razorpay:
    package = "razorpay"

    def verify(self, q):
        import razorpay

        return razorpay.Utility().verify_webhook_signature(q.body.decode(), q.headers["x-razorpay-signature"], q.secret)


class Paystack:
    """Made by its users: Paystack has no Python library of its own."""

    package = "pypaystack2"

    def verify(self, q):
        from pypaystack2 import PaystackClient

        client = PaystackClient(secret_key=q.secret)
        return client.is_verified_webhook_payload(q.body, q.headers["x-paystack-signature"])


class Mollie:
    package = "mollie-api-py"

    def __init__(self):
        from mollie.utils.webhooks.signature_validator import SignatureValidator

        self.validator = SignatureValidator

    def sign(self, q):
        return "sha256=" + self.validator.create_signature(q.body.decode(), q.secret)

    def verify(self, q):
        return self.validator.validate(q.body.decode(), q.secret, q.headers.get("x-mollie-signature"))


class ModernTreasury:
    package = "modern-treasury"

    def __init__(self):
        from modern_treasury import ModernTreasury

        self.webhooks = ModernTreasury(api_key="unused", organization_id="unused").webhooks

    def sign(self, q):
        return self.webhooks.get_signature(q.body.decode(), key=q.secret)

    def verify(self, q):
        return self.webhooks.validate_signature(q.body.decode(), q.headers, key=q.secret)


class CoinbaseCommerce:
    package = "coinbase-commerce"

    def verify(self, q):
        from coinbase_commerce.webhook import WebhookSignature

        return WebhookSignature.verify_sig_header(q.body.decode(), q.headers["x-cc-webhook-signature"], q.secret)


class Documented:
    """What the documentation says, as the asker read it, by Python's own HMAC: the provider's library has nothing for webhooks."""

    package = None

    def __init__(self, header, mark, encoding, algorithm):
        self.header, self.mark, self.algorithm = header, mark, algorithm
        self.text = {"hex": bytes.hex, "base64": lambda digest: base64.b64encode(digest).decode()}[encoding]

    def sign(self, q):
        return self.mark + self.text(hmac.new(q.secret.encode(), q.body, self.algorithm).digest())

    def verify(self, q):
        return hmac.compare_digest(self.sign(q), q.headers[self.header])


PROVIDERS = {
    "stripe": Stripe,
    "standard_webhooks": StandardWebhooks,
    "svix": Svix,
    "adyen": Adyen,
    "adyen_balance_platform": AdyenBalancePlatform,
    "square": Square,
    "gocardless": GoCardless,
    "razorpay": Razorpay,
    "paystack": Paystack,
    "mollie": Mollie,
    "modern_treasury": ModernTreasury,
    "coinbase_commerce": CoinbaseCommerce,
}


made = {}


def answer(question):
    provider, wire = question.pop("provider", "stripe"), question.pop("documented", None)
    if provider not in made:
        made[provider] = PROVIDERS[provider]() if provider in PROVIDERS else Documented(**wire)
    found = made[provider]
    if question["do"] == "version":
        version = found.package and metadata.version(found.package)
        return {"package": found.package, "version": version, "signs": hasattr(found, "sign")}
    q = SimpleNamespace(**question)
    q.body = base64.b64decode(q.body)
    if q.do == "sign":
        return {"header": found.sign(q)}
    # Each refuses with an error of its own, and a strange header or body makes some fail with others: all are refusals.
    try:
        return {"ok": bool(found.verify(q))}
    except Exception:
        return {"ok": False}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
