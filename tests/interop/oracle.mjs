// Stripe's own Node library as an oracle: one JSON question a line in, one JSON answer a line out.
// Asked by shared/providers/tests/interop.rs, which says what is compared and where we differ on purpose.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import path from 'node:path';

const require = createRequire(path.join(path.resolve(process.env.PAYONCE_INTEROP_NODE_MODULES), 'oracle.js'));
const Stripe = require('stripe');
const { webhooks } = new Stripe('sk_test_unused');

function answer({ do: what, secret, header, t, now_ms, body }) {
  if (what === 'version') return { version: Stripe.PACKAGE_VERSION };
  const bytes = Buffer.from(body, 'base64');
  if (what === 'sign') {
    return { header: webhooks.generateTestHeaderString({ payload: bytes.toString('utf8'), secret, timestamp: t }) };
  }
  try {
    webhooks.signature.verifyHeader(bytes, header, secret, webhooks.DEFAULT_TOLERANCE, undefined, now_ms);
    return { ok: true };
  } catch {
    // A strange header makes it fail in other ways than with its own error; that, too, is a refusal.
    return { ok: false };
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
}
