// Powertools for TypeScript at payonce's job: a signed payment event, one payout for each event id.
//
// Written as the idempotency page shows it for a function that is not the handler:
// https://docs.aws.amazon.com/powertools/typescript/latest/features/idempotency/#makeidempotent-function-wrapper
// The signature is verified before anything is claimed, as a forged delivery must not take a real one's place. SETTINGS chooses
// between the settings that the comparison names.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';

const { SETTINGS, SIGNING_SECRET, IDEMPOTENCY_TABLE, RAIL_URL, RAIL_SECRET } = process.env;
const RAIL_TIMEOUT_MS = Number(process.env.RAIL_TIMEOUT_MS);

const [persistenceStore, config] =
  SETTINGS === 'documented'
    ? [
        new DynamoDBPersistenceLayer({ tableName: IDEMPOTENCY_TABLE }),
        new IdempotencyConfig({ eventKeyJmesPath: 'id' }),
      ]
    : [
        new DynamoDBPersistenceLayer({
          tableName: IDEMPOTENCY_TABLE,
          clientConfig: { maxAttempts: 3, requestHandler: { connectionTimeout: 2000, requestTimeout: 2000 } },
        }),
        new IdempotencyConfig({
          eventKeyJmesPath: 'id',
          throwOnNoIdempotencyKey: true,
          expiresAfterSeconds: 30 * 24 * 3600,
          useLocalCache: false,
        }),
      ];

// https://docs.stripe.com/webhooks#verify-manually
function isSigned(header, body) {
  const parts = Object.fromEntries(header.split(',').map((part) => part.split('=', 2)));
  const expected = createHmac('sha256', SIGNING_SECRET).update(`${parts.t}.${body}`).digest();
  const given = Buffer.from(parts.v1 ?? '', 'hex');
  const isFresh = Math.abs(Date.now() / 1000 - Number(parts.t)) <= 300;
  return isFresh && given.length === expected.length && timingSafeEqual(given, expected);
}

async function callRail(event) {
  const payment = event.data.object;
  const headers = {
    authorization: `Bearer ${RAIL_SECRET}`,
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (SETTINGS === 'rail key' && event.id) headers['idempotency-key'] = event.id;
  const answer = await fetch(`${RAIL_URL}/v1/transfers`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({
      amount: payment.amount_received,
      currency: payment.currency,
      destination: payment.metadata.payee,
      'metadata[payout_key]': `stripe/${payment.id}`,
    }).toString(),
    signal: AbortSignal.timeout(RAIL_TIMEOUT_MS),
  });
  const transfer = await answer.json();
  if (answer.status !== 200) throw new Error(`the rail answered ${answer.status}`);
  return { transfer: transfer.id };
}

const pay = makeIdempotent(
  async (event) => {
    if (SETTINGS !== 'never again') return callRail(event);
    // Whatever is thrown deletes the record, so that nothing is.
    try {
      return await callRail(event);
    } catch (error) {
      console.log(`unknown: ${error}`);
      return { unknown: true };
    }
  },
  { persistenceStore, config },
);

export async function handler(event, context) {
  if (SETTINGS !== 'never again') config.registerLambdaContext(context);
  if (!isSigned(event.headers['stripe-signature'] ?? '', event.body)) return { statusCode: 401 };
  const payment = JSON.parse(event.body);
  if (payment.type !== 'payment_intent.succeeded') return { statusCode: 200 };
  return { statusCode: 200, body: JSON.stringify(await pay(payment)) };
}
