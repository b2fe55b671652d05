import { expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { connectEcho, failure, startEcho, startProcess, until, type Words } from './testing.ts';
import type { Call } from './rpc.ts';

const hang = () => new Promise<Words>(() => {});

test('G3 the server hears the caller\'s deadline less a margin, and the next hop less than that', async () => {
  const seen: number[] = [];
  await using inner = await startEcho({ act: async (request, call) => { seen.push(call.deadlineAt); return request; } });
  await using toInner = connectEcho(inner.port);
  await using outer = await startEcho({ act: (request, call) => { seen.push(call.deadlineAt); return toInner.act(request, call); } });
  await using toOuter = connectEcho(outer.port);
  // A deadline travels as the time that is left, so what a busy machine adds on the way is not in it: the best of ten calls shows the margin.
  const shorter: number[][] = [];
  for (let i = 0; i < 10; i++) {
    const deadlineAt = Date.now() + 5000;
    await toOuter.act({ text: 'hello' }, { deadlineAt });
    const [first, second] = seen.splice(0) as [number, number];
    shorter.push([deadlineAt - first, first - second]);
  }
  for (const hop of [0, 1]) {
    const most = Math.max(...shorter.map((call) => call[hop]!));
    expect(most).toBeGreaterThanOrEqual(10);
    expect(most).toBeLessThan(1000);
  }
});

test('G3 a call without a deadline gets the client\'s own', async () => {
  const leftMs: number[] = [];
  await using server = await startEcho({ say: async (request, call) => { leftMs.push(call.deadlineAt - Date.now()); return request; } });
  await using client = connectEcho(server.port, { timeoutMs: 3000 });
  // The first call connects as well, which takes of its time.
  for (let i = 0; i < 3; i++) await client.say({ text: '' });
  expect(Math.max(...leftMs)).toBeGreaterThan(2500);
  expect(Math.max(...leftMs)).toBeLessThanOrEqual(3000);
});

test('G3 a server that hangs ends with a deadline fault in time, and its work is told to stop', async () => {
  let aborted = false;
  await using server = await startEcho({
    act: (_, call) => new Promise<Words>((_resolve, reject) => call.signal.addEventListener('abort', () => { aborted = true; reject(new Fault({ kind: 'deadline', reason: 'x', message: 'x' })); })),
  });
  await using client = connectEcho(server.port);
  await client.say({ text: 'connected' });
  const deadlineAt = Date.now() + 1000;
  const fault = await failure(client.act({ text: '' }, { deadlineAt }));
  expect(Date.now() - deadlineAt).toBeLessThan(5000);
  expect(fault).toMatchObject({ kind: 'deadline', reason: 'deadline_exceeded' });
  expect(client.observed.map(({ code }) => code)).toEqual(['OK', 'DEADLINE_EXCEEDED']);
  await until(() => aborted && server.observed.length === 2);
  expect(server.observed[1]!.code).not.toBe('OK');
});

test.each(['say', 'act'] as const)('G3 %s with no time left is not sent', async (method) => {
  let asked = 0;
  const count = async (request: Words) => { asked++; return request; };
  await using server = await startEcho({ say: count, act: count });
  await using client = connectEcho(server.port);
  const gone = new AbortController();
  gone.abort();
  for (const call of [{ deadlineAt: Date.now() - 1 }, { deadlineAt: Date.now() + 5 }, { signal: gone.signal }]) {
    expect(await failure(client[method]({ text: '' }, call))).toMatchObject({ kind: 'deadline', reason: 'deadline_exceeded' });
  }
  await client.act({ text: '' });
  expect(asked).toBe(1);
});

test('an abort ends the call at once and reaches the server', async () => {
  const signals: AbortSignal[] = [];
  await using server = await startEcho({ act: (_, call) => { signals.push(call.signal); return hang(); } });
  await using client = connectEcho(server.port);
  const abort = new AbortController();
  const call = client.act({ text: '' }, { signal: abort.signal });
  await until(() => signals.length === 1);
  abort.abort();
  expect(await failure(call)).toMatchObject({ kind: 'deadline' });
  await until(() => signals[0]!.aborted);
});

test('work that ends after its caller left is observed as cancelled, not as done', async () => {
  let finish = (words: Words): void => void words;
  await using server = await startEcho({ act: () => new Promise<Words>((resolve) => { finish = resolve; }) });
  await using client = connectEcho(server.port);
  await client.say({ text: 'connected' });
  await failure(client.act({ text: '' }, { deadlineAt: Date.now() + 1000 }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  finish({ text: '' });
  await until(() => server.observed.length === 2);
  expect(server.observed[1]!.code).toBe('CANCELLED');
});

test('G3 a frozen server ends with a deadline fault in time, over an old connection and over a new one', async () => {
  await using server = await startProcess();
  await using old = connectEcho(server.port);
  expect(await old.say({ text: 'before' })).toEqual({ text: 'before' });
  server.child.kill('SIGSTOP');
  await using young = connectEcho(server.port);
  for (const client of [old, young]) {
    const deadlineAt = Date.now() + 300;
    expect(await failure(client.say({ text: '' }, { deadlineAt }))).toMatchObject({ kind: 'deadline', reason: 'deadline_exceeded' });
    expect(Date.now() - deadlineAt).toBeLessThan(5000);
  }
  server.child.kill('SIGCONT');
  expect(await old.say({ text: 'after' })).toEqual({ text: 'after' });
});

test('what travels beside a request arrives, and garbage is ignored', async () => {
  const calls: Call[] = [];
  await using server = await startEcho({ say: async (request, call) => { calls.push(call); return request; } });
  await using client = connectEcho(server.port);
  const caller = { role: 'kiosk', name: 'kiosk-7', ip: '10.0.0.5', userAgent: 'Киоск/1.0' } as const;
  await client.say({ text: '' }, { requestId: 'req-42', caller });
  await client.say({ text: '' });
  await client.say({ text: '' }, { requestId: 'a b' });
  await client.say({ text: '' }, { caller: { role: 'root', name: 'x' } as never });
  await client.say({ text: '' }, { caller: { role: 'kiosk', name: 7 } as never });
  await client.say({ text: '' }, { caller: { role: 'operator', name: 'anna', ip: 5, userAgent: {}, key: 'canary' } as never });
  expect(calls[0]).toMatchObject({ requestId: 'req-42', caller });
  const uuid = /^[0-9a-f-]{36}$/;
  for (const { requestId } of calls.slice(1)) expect(requestId).toMatch(uuid);
  const anonymous = { role: 'anonymous', name: '' };
  expect(calls.slice(1).map((call) => call.caller)).toEqual([anonymous, anonymous, anonymous, anonymous, { role: 'operator', name: 'anna' }]);
});
