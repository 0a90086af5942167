// A certified OpenID provider (npm's oidc-provider) on loopback, with a few people whose roles are in the ID token. For the
// tests of shared/identity and of the console: each value is public, and nobody's password is asked.
//
//   node issuer.mjs --redirect http://127.0.0.1:4245/signed-in [--port 0] [--client console] [--secret …] [--alg RS256]
//                   [--logout http://127.0.0.1:4245/] [--until-stdin-ends] [--auth client_secret_basic] [--jwk '{…}'] [--only]
//
// Each also as an environment variable, PAYONCE_OIDC_PORT and so on; several redirects are parted by spaces. Without a secret
// the client is public; with a public key (--jwk) it signs for itself; --only: no other --auth is offered. Prints one line of JSON when it answers: {"issuer": "http://127.0.0.1:…"}.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const people = {
  ada: { name: 'Ada Analyst', roles: ['finance-analysts'] },
  ben: { name: 'Ben Approver', roles: ['finance-approvers'] },
  dee: { name: 'Dee Approver', roles: ['finance-approvers'] },
  eve: { name: 'Eve Viewer', roles: ['finance-viewers'] },
  olu: { name: 'Olu Auditor', roles: ['auditors'] },
  nik: { name: 'Nik Nobody' },
};

const setting = (name) => process.env[`PAYONCE_OIDC_${name.toUpperCase()}`];
const { values: given } = parseArgs({
  options: {
    port: { type: 'string', default: setting('port') ?? '0' },
    redirect: { type: 'string', multiple: true, default: setting('redirect')?.split(' ') ?? [] },
    logout: { type: 'string', multiple: true, default: setting('logout')?.split(' ') ?? [] },
    client: { type: 'string', default: setting('client') ?? 'console' },
    secret: { type: 'string', default: setting('secret') },
    jwk: { type: 'string' },
    auth: { type: 'string' },
    only: { type: 'boolean', default: false },
    alg: { type: 'string', default: setting('alg') ?? 'RS256' },
    'until-stdin-ends': { type: 'boolean', default: false },
  },
});
if (given.redirect.length === 0) throw new Error('--redirect is missing: where a browser may be sent back to');

// What the provider says of its quick start would stand before our line, and means nothing here.
console.info = console.warn = () => {};
const modules = path.resolve(process.env.PAYONCE_OIDC_NODE_MODULES ?? 'node_modules');
const { default: Provider } = await import(pathToFileURL(path.join(modules, 'oidc-provider/lib/index.js')));

const auth = given.auth ?? (given.secret ? 'client_secret_basic' : given.jwk ? 'private_key_jwt' : 'none');
const key = (kind, options, use) => ({ ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), ...use });

const server = createServer();
// Whoever started this with a pipe and died leaves nothing behind.
if (given['until-stdin-ends']) process.stdin.resume().on('end', () => process.exit());
server.listen(Number(given.port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: given.client,
        token_endpoint_auth_method: auth,
        ...(given.secret && { client_secret: given.secret }),
        ...(given.jwk && { jwks: { keys: [JSON.parse(given.jwk)] } }),
        redirect_uris: given.redirect,
        post_logout_redirect_uris: given.logout,
        grant_types: ['authorization_code'],
        response_types: ['code'],
        id_token_signed_response_alg: given.alg,
      },
    ],
    jwks: {
      keys: [
        key('rsa', { modulusLength: 2048 }, { kid: 'rsa', use: 'sig' }),
        key('ec', { namedCurve: 'P-256' }, { kid: 'ec', use: 'sig', alg: 'ES256' }),
        key('ed25519', {}, { kid: 'ed', use: 'sig', alg: 'EdDSA' }),
      ],
    },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
    ...(given.only && { clientAuthMethods: [auth] }),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    pkce: { required: () => true },
    // The roles stand in the ID token itself: payer reads nothing else.
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], profile: ['name', 'roles'], email: ['email'] },
    findAccount: (_context, id) => {
      if (!Object.hasOwn(people, id)) return undefined;
      return { accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, ...people[id] }) };
    },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  });
  server.on('request', provider.callback());
  console.log(JSON.stringify({ issuer }));
});
