import { expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { connectEcho, failure, lane, startEcho, type Handler } from './testing.ts';

/** Fails as unavailable so many times, then echoes. */
function flaky(failures: number, kind: 'unavailable' | 'exhausted' = 'unavailable') {
  let attempts = 0;
  const handler: Handler = async (request) => {
    attempts++;
    if (attempts <= failures) throw new Fault({ kind, reason: 'not_yet', message: 'not yet' });
    return request;
  };
  return { handler, attempts: () => attempts };
}

test('a call that the contract marks as idempotent is asked again when the peer is unavailable, and counted once', async () => {
  const { handler, attempts } = flaky(2);
  await using server = await startEcho({ say: handler });
  await using client = connectEcho(server.port);
  expect(await client.say({ text: 'again' })).toEqual({ text: 'again' });
  expect(attempts()).toBe(3);
  expect(client.observed.map(({ code }) => code)).toEqual(['OK']);
  expect(server.observed.map(({ code }) => code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'OK']);
});

test('after four attempts an idempotent call fails as the last one did', async () => {
  const { handler, attempts } = flaky(100);
  await using server = await startEcho({ say: handler });
  await using client = connectEcho(server.port);
  expect(await failure(client.say({ text: '' }))).toMatchObject({ kind: 'unavailable', reason: 'not_yet' });
  expect(attempts()).toBe(4);
});

test('P1 a call that is not idempotent is never asked twice', async () => {
  const { handler, attempts } = flaky(1);
  await using server = await startEcho({ act: handler });
  await using client = connectEcho(server.port);
  expect(await failure(client.act({ text: '' }))).toMatchObject({ kind: 'unavailable', reason: 'not_yet' });
  expect(attempts()).toBe(1);
});

test('a call that is not idempotent waits a moment for a peer that is just coming up', async () => {
  // Within a process there is nothing to connect to.
  if (lane === 'inside') return;
  const { port } = await gone();
  await using client = connectEcho(port);
  const early = client.act({ text: 'early' });
  await using server = await startEcho({ port });
  expect(await early).toEqual({ text: 'early' });
  expect(server.observed).toHaveLength(1);
});

test('only "unavailable" is asked again', async () => {
  const { handler, attempts } = flaky(1, 'exhausted');
  await using server = await startEcho({ say: handler });
  await using client = connectEcho(server.port);
  expect(await failure(client.say({ text: '' }))).toMatchObject({ kind: 'exhausted' });
  expect(attempts()).toBe(1);
});

test('retries do not outlive the deadline', async () => {
  const { handler } = flaky(100);
  await using server = await startEcho({ say: handler });
  await using client = connectEcho(server.port);
  const deadlineAt = Date.now() + 150;
  expect(await failure(client.say({ text: '' }, { deadlineAt }))).toBeInstanceOf(Fault);
  expect(Date.now() - deadlineAt).toBeLessThan(100);
});

test('a peer that is away is a fault that names it and says when to come back', async () => {
  const { port } = await gone();
  await using client = connectEcho(port);
  expect(await failure(client.act({ text: '' }))).toMatchObject({ kind: 'unavailable', reason: 'echo_unavailable', retryAfterMs: 1000 });
});

test('G5 a server that comes back on its port is found again within a second', async () => {
  const first = await startEcho();
  await using client = connectEcho(first.port);
  await client.act({ text: 'before' });
  await first[Symbol.asyncDispose]();
  // Long enough away for the default backoff to have grown past a second.
  const awayUntil = Date.now() + 3000;
  while (Date.now() < awayUntil) {
    expect(await failure(client.act({ text: '' }))).toMatchObject({ kind: 'unavailable' });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await using _second = await startEcho({ port: first.port });
  const backAt = Date.now();
  while (!(await client.act({ text: '' }).then(() => true, () => false))) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(Date.now() - backAt).toBeLessThan(1000);
});

test('an idempotent call rides out a short restart', async () => {
  const first = await startEcho();
  await using client = connectEcho(first.port);
  await client.say({ text: 'before' });
  await first[Symbol.asyncDispose]();
  const call = client.say({ text: 'during' });
  await using _second = await startEcho({ port: first.port });
  expect(await call).toEqual({ text: 'during' });
});

test('a client that was closed refuses with a fault', async () => {
  await using server = await startEcho();
  const client = connectEcho(server.port);
  await client[Symbol.asyncDispose]();
  expect(await failure(client.act({ text: '' }))).toMatchObject({ kind: 'unavailable', reason: 'echo_unavailable' });
});

test('a request that cannot be written is an internal fault, not a crash', async () => {
  await using server = await startEcho();
  await using client = connectEcho(server.port);
  expect(await failure(client.act([] as never))).toMatchObject({ kind: 'internal', reason: 'internal' });
  expect(client.observed).toHaveLength(1);
});

async function gone(): Promise<{ port: number }> {
  const server = await startEcho();
  await server[Symbol.asyncDispose]();
  return { port: server.port };
}
