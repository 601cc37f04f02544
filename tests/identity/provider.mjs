// An OpenID Connect provider on loopback, for tests/integration/test_identity_providers.py: oidc-provider with its own
// sign-in page, whose login is the e-mail address. Takes one argument, JSON: {port, clients, kid, idTokenLife}.

import { createServer } from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const { port, clients, kid, idTokenLife } = JSON.parse(process.argv[2]);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [{ ...(await exportJWK(privateKey)), kid, use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'HS256'] },
  ttl: { IdToken: idTokenLife },
  // Who signs in as « autre/ada@… » is another person with ada's address; that of « douteux@… » has not been verified.
  findAccount: async (_, login) => ({
    accountId: login,
    claims: async () => ({
      sub: login,
      email: login.split('/').at(-1),
      email_verified: !login.startsWith('douteux'),
    }),
  }),
});

createServer(provider.callback()).listen(port, '127.0.0.1');
