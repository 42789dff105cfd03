// Audits the server at the address on the command line, and prints one line of JSON for each audit that did not pass.

import { serverAudits } from 'graphql-http';

const url = `http://${process.argv[2]}/graphql`;

for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const result = await audit.fn();
  if (result.status !== 'ok') {
    console.log(JSON.stringify({ id: audit.id, name: audit.name, status: result.status, reason: result.reason }));
  }
}
console.log('good');
