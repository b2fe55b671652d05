import { afterEach, expect, test } from '@jest/globals';
import dns from 'node:dns';
import { connectEcho, failure, lane, startEcho } from './testing.ts';

const { lookup } = dns.promises;
afterEach(() => {
  dns.promises.lookup = lookup;
});

/** What the name `localhost` leads to, as a cluster's headless service changes it when a pod moves. */
function nameLeadsTo(addresses: () => string[]): void {
  dns.promises.lookup = (async () => addresses().map((address) => ({ address, family: 4 }))) as unknown as typeof lookup;
}

test('a peer that moved to another address is found within seconds, though the name lags behind', async () => {
  // Within a process there is no address; a second loopback address is Linux's.
  if (lane === 'inside' || process.platform !== 'linux') return;
  let addresses = ['127.0.0.1'];
  nameLeadsTo(() => addresses);
  const before = await startEcho();
  const { port } = before;
  await using client = connectEcho(port, { address: `localhost:${port}` });
  expect(await client.say({ text: 'here' })).toEqual({ text: 'here' });
  await before[Symbol.asyncDispose]();
  // It is asked for again at once, and still leads to where nobody is.
  expect(await failure(client.act({ text: 'gone' }))).toMatchObject({ kind: 'unavailable' });
  await using there = await startEcho({ host: '127.0.0.2', port });
  addresses = ['127.0.0.2'];
  const movedAt = performance.now();
  let answer: unknown;
  while (answer === undefined && performance.now() < movedAt + 20_000) answer = await client.say({ text: 'there' }).catch(() => {});
  expect(answer).toEqual({ text: 'there' });
  expect(there.observed.length).toBeGreaterThan(0);
  expect(performance.now() - movedAt).toBeLessThan(10_000);
});
