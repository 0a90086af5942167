// The loop that runs the function: Lambda's own for Node (`aws-lambda-ric`) wants Node 22, cmake and a compiler.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { Agent, request } from 'node:http';
import { handler } from './function.mjs';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = request({ host, port, agent, method, headers, path: `/2018-06-01/runtime/${path}` }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function serve() {
  for (;;) {
    const next = await call('GET', 'invocation/next');
    const awsRequestId = next.headers['lambda-runtime-aws-request-id'];
    const deadline = Number(next.headers['lambda-runtime-deadline-ms']);
    const context = { awsRequestId, getRemainingTimeInMillis: () => deadline - Date.now() };
    try {
      const response = await handler(JSON.parse(next.body), context);
      await call('POST', `invocation/${awsRequestId}/response`, JSON.stringify(response));
    } catch (error) {
      console.log(error);
      const told = { errorType: error.name, errorMessage: error.message };
      await call('POST', `invocation/${awsRequestId}/error`, JSON.stringify(told));
    }
  }
}

serve();
