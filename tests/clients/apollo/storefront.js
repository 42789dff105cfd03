// Drives tokenward as a storefront does, with the Apollo client, against the address on the command line.

import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, concat, gql } from '@apollo/client/core/index.js';

const endpoint = `http://${process.argv[2]}/graphql`;

// What the client really sent, so that the test does not rest on what it is believed to send.
const sent = [];

const recordingFetch = async (uri, options) => {
  const response = await fetch(uri, options);
  const { method, headers, body } = options;
  sent.push({ uri: uri.toString(), method, headers: new Headers(headers), body, status: response.status });
  return response;
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
    cache: new InMemoryCache(),
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

// The status and the first error. Where the answer has `data` the client makes GraphQL errors of it, else a network error.
const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    const [first] = error.graphQLErrors.length > 0 ? error.graphQLErrors : error.networkError.result.errors;
    return { status: sent.at(-1).status, message: first.message, category: first.extensions.category };
  }
  throw new assert.AssertionError({ message: 'the request was answered with data' });
};

const run = async (useGETForQueries) => {
  const client = makeClient(useGETForQueries);
  token = '';

  const guest = await refusal(client.query({ query: ACCOUNT }));
  assert.deepEqual([guest.status, guest.category], [403, 'graphql-authorization']);
  const request = sent.at(-1);
  assert.equal(request.method, useGETForQueries ? 'GET' : 'POST');
  assert.equal(request.headers.get('authorization'), '');
  assert.equal(request.headers.get('x-magento-cache-id'), 'null');
  assert.match(decodeURIComponent(request.uri + (request.body ?? '')), /fragment CustomerFragment[^]*__typename/);

  const wrong = await refusal(
    client.mutate({ mutation: SIGN_IN, variables: { email: 'customer@example.com', password: 'wrong' } }),
  );
  assert.deepEqual([wrong.status, wrong.category], [401, 'graphql-authentication']);

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
  assert.deepEqual([afterwards.status, afterwards.message], [401, 'Composite reader could not read a token']);
};

await run(false);
await run(true);
console.log('good');
