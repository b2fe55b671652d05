/** What the contract names and this version does not serve. */
import { afterAll, beforeAll, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { expectProblem, kioskAt } from './kiosk.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

test.each([
  ['DELETE', '/api/sessions/ses_00000000000000000000000000'],
  ['GET', '/api/audit?entityId=ses_00000000000000000000000000'],
])('G1 %s %s answers 501 with a problem document', async (method, path) => {
  const kiosk = kioskAt(stack.url);
  expectProblem(await kiosk.send(method, path, method === 'POST' ? { body: { amount: 100, reason: 'x' } } : {}), { status: 501 });
});
