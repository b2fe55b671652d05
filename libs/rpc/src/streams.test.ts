import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { connectEcho, failure, startEcho, startProcess, until, type StreamHandler, type Words } from './testing.ts';
import type { Call } from './rpc.ts';

async function collect(messages: AsyncIterable<Words>, into: string[] = []): Promise<string[]> {
  for await (const { text } of messages) into.push(text);
  return into;
}

/** Says one word and then nothing, until nobody listens any more; tells what it was given and that it has ended. */
function endless() {
  const calls: Call[] = [];
  let ended = 0;
  const watch: StreamHandler = async function* (_, call) {
    calls.push(call);
    try {
      yield { text: 'first' };
      await once(call.signal, 'abort');
    } finally {
      ended++;
    }
  };
  return { watch, calls, ended: () => ended };
}

test('a stream gives its messages in order and ends; both sides observe it once', async () => {
  await using server = await startEcho();
  await using client = connectEcho(server.port);
  expect(await collect(client.watch({ text: 'one two three' }))).toEqual(['one', 'two', 'three']);
  await until(() => server.observed.length === 1);
  expect(client.observed).toEqual([{ side: 'client', method: 'kiosk.test.Echo/Watch', requestId: expect.any(String), code: 'OK', seconds: expect.any(Number) }]);
  expect(server.observed).toEqual([{ side: 'server', method: 'kiosk.test.Echo/Watch', requestId: expect.any(String), code: 'OK', seconds: expect.any(Number) }]);
});

test('each loop over a stream is a call of its own, and none is made before', async () => {
  let asked = 0;
  await using server = await startEcho({ watch: async function* (request) { asked++; yield request; } });
  await using client = connectEcho(server.port);
  const messages = client.watch({ text: 'once' });
  await client.act({ text: '' });
  expect(asked).toBe(0);
  expect([await collect(messages), await collect(messages)]).toEqual([['once'], ['once']]);
  expect(asked).toBe(2);
});

test('a stream knows who asks, and has no deadline unless the caller gives one', async () => {
  const { watch, calls } = endless();
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port, { timeoutMs: 100 });
  const caller = { role: 'kiosk', name: 'kiosk-7' } as const;
  for await (const _ of client.watch({ text: '' }, { requestId: 'req-42', caller })) break;
  expect(calls[0]).toMatchObject({ requestId: 'req-42', caller, deadlineAt: Infinity });
});

test('G3 a stream with a deadline ends at it, after the messages that came in time', async () => {
  const { watch, ended } = endless();
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  await client.act({ text: '' });
  const deadlineAt = Date.now() + 2000;
  const got: string[] = [];
  expect(await failure(collect(client.watch({ text: '' }, { deadlineAt }), got))).toMatchObject({ kind: 'deadline', reason: 'deadline_exceeded' });
  expect(got).toEqual(['first']);
  expect(Date.now() - deadlineAt).toBeLessThan(10_000);
  await until(() => ended() === 1);
});

test('G3 a stream with no time left is not asked for', async () => {
  const { watch, calls } = endless();
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  for (const call of [{ deadlineAt: Date.now() - 1 }, { signal: AbortSignal.abort() }]) {
    expect(await failure(collect(client.watch({ text: '' }, call)))).toMatchObject({ kind: 'deadline' });
  }
  await client.act({ text: '' });
  expect(calls).toEqual([]);
});

test('leaving the loop ends the work on the server', async () => {
  const { watch, calls, ended } = endless();
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  for await (const { text } of client.watch({ text: '' })) {
    expect(text).toBe('first');
    break;
  }
  await until(() => ended() === 1 && server.observed.length === 1);
  expect(calls[0]!.signal.aborted).toBe(true);
  expect([client.observed[0]!.code, server.observed[0]!.code]).toEqual(['CANCELLED', 'CANCELLED']);
  expect(server.errors).toEqual([]);
});

test('a reader that leaves while it waits for a message is let go at once', async () => {
  const { watch, ended } = endless();
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  const messages = client.watch({ text: '' })[Symbol.asyncIterator]();
  await messages.next();
  const waiting = messages.next();
  expect(await messages.return!()).toMatchObject({ done: true });
  expect(await waiting).toMatchObject({ done: true });
  await until(() => ended() === 1);
});

test('an abort ends the loop with a fault and the work on the server', async () => {
  const { watch, ended } = endless();
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  const abort = new AbortController();
  const got: string[] = [];
  const loop = failure(collect(client.watch({ text: '' }, { signal: abort.signal }), got));
  await until(() => got.length === 1);
  abort.abort();
  expect(await loop).toMatchObject({ kind: 'deadline' });
  await until(() => ended() === 1);
});

test('a fault arrives as it was thrown, after the messages before it', async () => {
  await using server = await startEcho({
    watch: async function* () {
      yield { text: 'before' };
      throw new Fault({ kind: 'not_found', reason: 'session_not_found', message: 'Нет такой сессии.', errors: [{ path: 'sessionId', message: 'unknown' }] });
    },
  });
  await using client = connectEcho(server.port);
  const got: string[] = [];
  expect(await failure(collect(client.watch({ text: '' }), got))).toMatchObject({
    kind: 'not_found', reason: 'session_not_found', message: 'Нет такой сессии.', errors: [{ path: 'sessionId', message: 'unknown' }],
  });
  expect(got).toEqual(['before']);
  expect([client.observed[0]!.code, server.observed[0]!.code]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
});

test.each<[string, StreamHandler]>([
  ['while it runs', async function* () { yield { text: '' }; throw new Error('SQLITE_FULL: canary'); }],
  ['before its first message', () => { throw new Error('SQLITE_FULL: canary'); }],
])('G1 an error that is no fault, thrown %s, becomes "internal" without its words and is told once', async (_, watch) => {
  await using server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  expect(await failure(collect(client.watch({ text: '' }, { requestId: 'req-1' })))).toMatchObject({ kind: 'internal', message: 'Internal error.' });
  expect(server.errors).toMatchObject([{ method: 'kiosk.test.Echo/Watch', requestId: 'req-1' }]);
});

test('what goes wrong in a generator after its reader has left is told too', async () => {
  await using server = await startEcho({
    watch: async function* (_, { signal }) {
      yield { text: '' };
      await once(signal, 'abort');
      throw new Error('the cleanup failed');
    },
  });
  await using client = connectEcho(server.port);
  for await (const _ of client.watch({ text: '' })) break;
  await until(() => server.errors.length > 0);
  expect(server.errors).toMatchObject([{ error: { message: 'the cleanup failed' }, method: 'kiosk.test.Echo/Watch' }]);
});

test('a reader that does not read holds the generator back', async () => {
  let made = 0;
  const large = 'x'.repeat(64 * 1024);
  const total = 400;
  await using server = await startEcho({ watch: async function* () { while (made < total) { made++; yield { text: large }; } } });
  await using client = connectEcho(server.port);
  let read = 0;
  for await (const { text } of client.watch({ text: '' })) {
    expect(text).toHaveLength(large.length);
    if (++read > 1) continue;
    let before = -1;
    while (before !== made) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(made).toBeLessThan(total / 2);
  }
  expect([read, made]).toEqual([total, total]);
});

test('a reader that takes nothing for too long loses its stream, and its generator ends', async () => {
  let ended = false;
  const large = { text: 'x'.repeat(64 * 1024) };
  await using server = await startEcho({ slowConsumerMs: 100, watch: async function* () { try { for (;;) yield large; } finally { ended = true; } } });
  await using client = connectEcho(server.port);
  const messages = client.watch({ text: '' })[Symbol.asyncIterator]();
  await messages.next();
  await until(() => ended);
  expect(server.observed.map(({ code }) => code)).toEqual(['RESOURCE_EXHAUSTED']);
  expect(await failure((async () => { while (!(await messages.next()).done); })())).toMatchObject({ kind: 'exhausted', reason: 'slow_consumer' });
});

test('one stream more than the server has room for is refused, until another ends', async () => {
  await using server = await startEcho({ mostStreams: 1, watch: endless().watch });
  await using client = connectEcho(server.port);
  const first = client.watch({ text: '' })[Symbol.asyncIterator]();
  await first.next();
  expect(await failure(collect(client.watch({ text: '' })))).toMatchObject({ kind: 'exhausted', reason: 'too_many_streams', retryAfterMs: 1000 });
  await first.return!();
  await until(() => server.observed.length === 2);
  for await (const { text } of client.watch({ text: '' })) {
    expect(text).toBe('first');
    break;
  }
});

test('G5 a stopping server ends its streams at once and tells their readers to connect again', async () => {
  const { watch, ended } = endless();
  const server = await startEcho({ watch });
  await using client = connectEcho(server.port);
  const got: string[] = [];
  const loop = failure(collect(client.watch({ text: '' }), got));
  await until(() => got.length === 1);
  const startedAt = Date.now();
  await server[Symbol.asyncDispose]();
  expect(Date.now() - startedAt).toBeLessThan(7000);
  expect(await loop).toMatchObject({ kind: 'unavailable', reason: 'service_stopping', retryAfterMs: 500 });
  expect(ended()).toBe(1);
  expect(server.errors).toEqual([]);
});

test('G5 a stream that ignores its end does not hold the stop', async () => {
  const server = await startEcho({ watch: async function* () { yield { text: 'first' }; await new Promise(() => {}); } });
  await using client = connectEcho(server.port);
  const got: string[] = [];
  const loop = failure(collect(client.watch({ text: '' }), got));
  await until(() => got.length === 1);
  await server[Symbol.asyncDispose]();
  expect(await loop).toMatchObject({ kind: 'unavailable', reason: 'service_stopping' });
});

test('a frozen server is noticed by its silence, and a killed one at once', async () => {
  await using server = await startProcess('async function* () { yield { text: "first" }; await new Promise(() => {}); }');
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    await using client = connectEcho(server.port, { keepaliveMs: 1000, keepaliveTimeoutMs: 1000 });
    const got: string[] = [];
    const loop = failure(collect(client.watch({ text: '' }), got));
    await until(() => got.length === 1);
    server.child.kill(signal);
    expect(await loop).toMatchObject({ kind: 'unavailable', reason: 'echo_unavailable' });
    if (signal === 'SIGSTOP') server.child.kill('SIGCONT');
  }
});

test('a reader whose process freezes is noticed by its silence', async () => {
  const { watch, ended } = endless();
  await using server = await startEcho({ watch, keepaliveMs: 1000, keepaliveTimeoutMs: 1000 });
  const script = `
    import { connectEcho } from './testing.ts';
    for await (const { text } of connectEcho(${server.port}).watch({ text: '' })) process.stdout.write(text);
  `;
  const child = spawn(process.execPath, ['--conditions=@kiosk/source', '--input-type=module', '--eval', script], {
    cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    await until(() => ended() === 1);
    expect(server.observed.map(({ code }) => code)).toEqual(['CANCELLED']);
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
});

test('a stream from a client that was closed fails with a fault', async () => {
  await using server = await startEcho();
  const client = connectEcho(server.port);
  await client[Symbol.asyncDispose]();
  expect(await failure(collect(client.watch({ text: '' })))).toMatchObject({ kind: 'unavailable', reason: 'echo_unavailable' });
});
