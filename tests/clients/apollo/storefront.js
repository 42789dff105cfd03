// Drives tokenward as a storefront does, with the Apollo client, against the address on the command line.

import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, concat, gql } from '@apollo/client/core/index.js';

const endpoint = `http://${process.argv[2]}/graphql`;

// What the client really sent, so that the test does not rest on what it is believed to send.
const sent = [];

const recordingFetch = async (uri, options) => {
  sent.push({ uri: uri.toString(), method: options.method, headers: options.headers, body: options.body });
  return fetch(uri, options);
};

let token = '';

// Storefronts send these two headers always: empty, or the word null, while there is nothing to say.
const headers = new ApolloLink((operation, forward) => {
  operation.setContext({
    headers: {
      authorization: token === '' ? '' : `Bearer ${token}`,
      'X-Magento-Cache-Id': null,
    },
  });
  return forward(operation);
});

const makeClient = (useGETForQueries) =>
  new ApolloClient({
    link: concat(headers, new HttpLink({ uri: endpoint, fetch: recordingFetch, useGETForQueries })),
    cache: new InMemoryCache({ addTypename: true }),
    defaultOptions: { query: { fetchPolicy: 'network-only' } },
  });

const SIGN_IN = gql`
  mutation SignIn($email: String!, $password: String!) {
    generateCustomerToken(email: $email, password: $password) {
      token
    }
  }
`;

const ACCOUNT = gql`
  query Account {
    customer {
      ...CustomerFragment
    }
  }
  fragment CustomerFragment on Customer {
    email
    firstname
    lastname
  }
`;

const SIGN_OUT = gql`
  mutation SignOut {
    revokeCustomerToken {
      result
    }
  }
`;

const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error.networkError ?? error;
  }
  throw new assert.AssertionError({ message: 'the request was answered with data' });
};

const run = async (useGETForQueries) => {
  const client = makeClient(useGETForQueries);
  token = '';

  const guest = await refusal(client.query({ query: ACCOUNT }));
  assert.equal(guest.statusCode, 403);
  const guestRequest = sent.at(-1);
  assert.equal(guestRequest.method, useGETForQueries ? 'GET' : 'POST');
  assert.equal(guestRequest.headers.authorization, '');
  assert.equal(String(guestRequest.headers['X-Magento-Cache-Id'] ?? guestRequest.headers['x-magento-cache-id']), 'null');
  assert.match(decodeURIComponent(guestRequest.uri + (guestRequest.body ?? '')), /__typename/);

  const wrong = await refusal(
    client.mutate({ mutation: SIGN_IN, variables: { email: 'customer@example.com', password: 'wrong' } }),
  );
  assert.equal(wrong.statusCode, 401);
  assert.equal(wrong.result.errors[0].extensions.category, 'graphql-authentication');

  const signedIn = await client.mutate({
    mutation: SIGN_IN,
    variables: { email: 'customer@example.com', password: 'password' },
  });
  assert.equal(signedIn.data.generateCustomerToken.__typename, 'CustomerToken');
  token = signedIn.data.generateCustomerToken.token;
  assert.match(token, /^[0-9a-z]{32}$/);

  const account = await client.query({ query: ACCOUNT });
  assert.equal(account.data.customer.__typename, 'Customer');
  assert.equal(account.data.customer.email, 'customer@example.com');

  const signedOut = await client.mutate({ mutation: SIGN_OUT });
  assert.equal(signedOut.data.revokeCustomerToken.result, true);

  const afterwards = await refusal(client.query({ query: ACCOUNT }));
  assert.equal(afterwards.statusCode, 401);
  assert.equal(afterwards.result.errors[0].message, 'Composite reader could not read a token');
};

await run(false);
await run(true);
console.log('good');
