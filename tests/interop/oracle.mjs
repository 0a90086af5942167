// The providers' own Node libraries as oracles: one JSON question a line in, one JSON answer a line out.
// Asked by shared/providers/tests/interop, which says what is compared and where we differ on purpose, and by
// tests/end_to_end, which names no provider and means Stripe.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = path.resolve(process.env.PAYONCE_INTEROP_NODE_MODULES);
const require = createRequire(path.join(modules, 'oracle.js'));
// What a library says of a delivery that it refuses is of no interest, and standard output is for answers.
console.log = console.info = console.warn = console.error = console.debug = () => {};

const text = (bytes) => bytes.toString('utf8');

// Of each provider: the npm package, and what it makes of a body and of a delivery. A library is loaded when it is first
// asked. `verify` may throw: libraries that do so do it in many ways, and each is a refusal.
const providers = {
  stripe: {
    package: 'stripe',
    load() {
      const { webhooks } = new (require('stripe'))('sk_test_unused');
      return {
        sign: ({ body, secret, t }) => webhooks.generateTestHeaderString({ payload: text(body), secret, timestamp: t }),
        verify: ({ body, secret, headers, now_ms }) =>
          webhooks.signature.verifyHeader(
            body,
            headers['stripe-signature'],
            secret,
            webhooks.DEFAULT_TOLERANCE,
            undefined,
            now_ms,
          ),
      };
    },
  },
  standard_webhooks: {
    package: 'standardwebhooks',
    load() {
      const { Webhook } = require('standardwebhooks');
      return {
        sign: ({ body, secret, t, id }) => new Webhook(secret).sign(id, new Date(t * 1000), body),
        verify({ body, secret, headers }) {
          new Webhook(secret).verify(body, headers, { jsonParse: false });
          return true;
        },
      };
    },
  },
  svix: {
    package: 'svix',
    load() {
      const { Webhook } = require('svix');
      return {
        sign: ({ body, secret, t, id }) => new Webhook(secret).sign(id, new Date(t * 1000), body),
        verify({ body, secret, headers }) {
          try {
            new Webhook(secret).verify(body, headers);
          } catch (error) {
            // Only a body whose signature was found good is parsed as JSON.
            if (!(error instanceof SyntaxError)) throw error;
          }
          return true;
        },
      };
    },
  },
  adyen: {
    package: '@adyen/api-library',
    load() {
      const { hmacValidator } = require('@adyen/api-library');
      const validator = new hmacValidator();
      return {
        // The body to sign is one item; the body to verify a delivery, of which it reads one item at a time.
        sign: ({ body, secret }) => validator.calculateHmac(JSON.parse(text(body)), secret),
        verify: ({ body, secret }) =>
          JSON.parse(text(body)).notificationItems.every((item) =>
            validator.validateHMAC(item.NotificationRequestItem, secret),
          ),
      };
    },
  },
  adyen_balance_platform: {
    package: '@adyen/api-library',
    load() {
      const { hmacValidator } = require('@adyen/api-library');
      const validator = new hmacValidator();
      return {
        sign: ({ body, secret }) => validator.calculateHmac(text(body), secret),
        verify: ({ body, secret, headers }) =>
          validator.validateHMACSignature(secret, headers['hmacsignature'], text(body)),
      };
    },
  },
  square: {
    package: 'square',
    load() {
      const { WebhooksHelper } = require('square');
      return {
        verify: ({ body, secret, headers, url }) =>
          WebhooksHelper.verifySignature({
            requestBody: text(body),
            signatureHeader: headers['x-square-hmacsha256-signature'],
            signatureKey: secret,
            notificationUrl: url,
          }),
      };
    },
  },
  gocardless: {
    package: 'gocardless-nodejs',
    load() {
      const { verifySignature } = require('gocardless-nodejs/webhooks');
      return {
        verify({ body, secret, headers }) {
          verifySignature(body, secret, headers['webhook-signature']);
          return true;
        },
      };
    },
  },
  razorpay: {
    package: 'razorpay',
    load() {
      const { validateWebhookSignature } = require('razorpay');
      return {
        verify: ({ body, secret, headers }) =>
          validateWebhookSignature(text(body), headers['x-razorpay-signature'], secret),
      };
    },
  },
  mollie: {
    package: 'mollie-api-typescript',
    load() {
      const { SignatureValidator } = require('mollie-api-typescript');
      return {
        sign: async ({ body, secret }) => `sha256=${await SignatureValidator.createSignature(text(body), secret)}`,
        verify: ({ body, secret, headers }) =>
          SignatureValidator.validate(text(body), secret, headers['x-mollie-signature']),
      };
    },
  },
  shopify: {
    package: '@shopify/shopify-api',
    load() {
      require('@shopify/shopify-api/adapters/node');
      const { shopifyApi, ApiVersion } = require('@shopify/shopify-api');
      const { getHmac } = require('@shopify/shopify-api/test-helpers');
      const unused = {
        apiKey: 'unused',
        apiVersion: Object.values(ApiVersion)[0],
        hostName: 'unused.example',
        isEmbeddedApp: false,
        logger: { log() {} },
      };
      return {
        sign: ({ body, secret }) => getHmac(text(body), secret),
        async verify({ body, secret, headers }) {
          const { webhooks } = shopifyApi({ ...unused, apiSecretKey: secret });
          const rawRequest = { method: 'POST', url: '/', headers };
          return (await webhooks.validate({ rawBody: text(body), rawRequest })).valid;
        },
      };
    },
  },
  modern_treasury: {
    package: 'modern-treasury',
    load() {
      const ModernTreasury = require('modern-treasury');
      const { webhooks } = new ModernTreasury({ apiKey: 'unused', organizationID: 'unused' });
      return {
        sign: ({ body, secret }) => webhooks.getSignature(text(body), { key: secret }),
        verify: ({ body, secret, headers }) =>
          webhooks.validateSignature(text(body), headers['x-signature'] ?? {}, { key: secret }),
      };
    },
  },
  coinbase_commerce: {
    package: 'coinbase-commerce-node',
    load() {
      const { Webhook } = require('coinbase-commerce-node');
      return {
        sign: ({ body, secret }) => Webhook.computeSignature(text(body), secret),
        verify: ({ body, secret, headers }) =>
          Webhook.verifySigHeader(text(body), headers['x-cc-webhook-signature'], secret),
      };
    },
  },
  github: {
    package: '@octokit/webhooks-methods',
    async load() {
      // It can only be imported, and an import looks for it beside this file.
      const file = path.join(modules, '@octokit/webhooks-methods/dist-node/index.js');
      const { sign, verify } = await import(pathToFileURL(file));
      return {
        sign: ({ body, secret }) => sign(secret, text(body)),
        verify: ({ body, secret, headers }) => verify(secret, text(body), headers['x-hub-signature-256']),
      };
    },
  },
};

// The libraries of the others have nothing for webhooks (checkout-sdk-node, dwolla-v2, flutterwave-node-v3, none of
// Paystack's own): what their documentation says, as the asker read it, by Node's own HMAC.
function documented({ header, mark, encoding, algorithm }) {
  const sign = ({ body, secret }) => mark + createHmac(algorithm, secret).update(body).digest(encoding);
  const verify = (question) => {
    const [ours, theirs] = [Buffer.from(sign(question)), Buffer.from(question.headers[header])];
    return ours.length === theirs.length && timingSafeEqual(ours, theirs);
  };
  return { package: null, load: () => ({ sign, verify }) };
}

async function answer({ do: what, provider: name = 'stripe', documented: wire, ...question }) {
  const provider = (providers[name] ??= documented(wire));
  provider.library ??= await provider.load();
  if (what === 'version') {
    const manifest = provider.package && path.join(modules, provider.package, 'package.json');
    const version = manifest && JSON.parse(readFileSync(manifest)).version;
    return { package: provider.package, version, signs: 'sign' in provider.library };
  }
  question.body = Buffer.from(question.body, 'base64');
  if (what === 'sign') return { header: await provider.library.sign(question) };
  // Some take the time from here.
  Date.now = () => question.now_ms;
  try {
    return { ok: Boolean(await provider.library.verify(question)) };
  } catch {
    return { ok: false };
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
}
