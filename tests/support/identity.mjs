// panva's oidc-provider, as an agency's identity provider would be set up for the pages.
import Provider from "oidc-provider";

const { ISSUER, CALLBACK, CLIENT, SECRET, ROLES } = process.env;
const provider = new Provider(ISSUER, {
  clients: [{ client_id: CLIENT, client_secret: SECRET, redirect_uris: [CALLBACK], token_endpoint_auth_method: "client_secret_basic" }],
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: () => ({ roles: ROLES.split(",") }),
  features: {
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: "", audience: "qsmo", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
    },
  },
});
provider.listen(Number(new URL(ISSUER).port), "127.0.0.1");
