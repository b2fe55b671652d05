import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { decodeFrames, encodeFrame, type Frame, type Header } from './frames.ts';
import { laneService } from './lane-server.ts';
import { EchoService, connectEcho, failure, startEcho, startProcess, until, type Words } from './testing.ts';
import { testCertificates, type TestCertificates } from './testing-tls.ts';

const unary = jest.spyOn(grpc.Client.prototype, 'makeUnaryRequest');
let certificates: TestCertificates;
beforeAll(() => { certificates = testCertificates('echo', 'gateway'); });
afterAll(() => certificates[Symbol.dispose]());

const wordsOf = ({ text }: Words): Buffer => (EchoService['say']!.requestSerialize as (words: Words) => Buffer)({ text });

/** A lane by hand, as a foreign client would open one. */
function rawLane(port: number) {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = laneService.open;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const heard: Frame[] = [];
  const ended: grpc.ServiceError[] = [];
  stream.on('data', (message: Buffer) => heard.push(...decodeFrames(message)));
  stream.on('error', (error: grpc.ServiceError) => ended.push(error));
  return { stream, heard, ended, ask: (header: object, payload?: Buffer) => stream.write(encodeFrame(header as Header, payload)), [Symbol.dispose]: () => { stream.cancel(); client.close(); } };
}

/** A client whose lane is open: how long that takes is the machine's. */
async function connectByLane(...[port, options]: Parameters<typeof connectEcho>): Promise<ReturnType<typeof connectEcho>> {
  let isOpen = false;
  const client = connectEcho(port, { ...options, onLane: () => { isOpen = true; } });
  await until(() => isOpen);
  return client;
}

const ask = (id: number, method = 'Say') => ({ ask: id, method: `/kiosk.test.Echo/${method}`, leftMs: 5000, requestId: `req-${id}` });

test('calls go by the lane once it is open, and by plain gRPC before', async () => {
  await using server = await startEcho();
  await using client = await connectByLane(server.port);
  unary.mockClear();
  await client.say({ text: 'first' });
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => client.act({ text: String(i) })));
  expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => ({ text: String(i) })));
  expect(unary).not.toHaveBeenCalled();
});

test('X3 the lane is under TLS where the calls are', async () => {
  await using server = await startEcho({ tls: { ...certificates.of('echo'), callers: ['gateway'] } });
  await using client = await connectByLane(server.port, { tls: certificates.of('gateway') });
  unary.mockClear();
  expect(await client.act({ text: 'hello' })).toEqual({ text: 'hello' });
  expect(unary).not.toHaveBeenCalled();
});

test('a server that knows no lane, such as an older one, is asked by plain gRPC', async () => {
  const old = new grpc.Server();
  const answer: grpc.handleUnaryCall<Words, Words> = (call, reply) => reply(null, call.request);
  old.addService(EchoService, { say: answer, act: answer, watch: () => {} });
  const port = await new Promise<number>((resolve) => { old.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, bound) => resolve(bound)); });
  {
    await using client = connectEcho(port);
    for (const text of ['one', 'two']) expect(await client.act({ text })).toEqual({ text });
  }
  old.forceShutdown();
});

test('the lane opens again after its server was away', async () => {
  let opened = 0;
  const first = await startEcho();
  await using client = connectEcho(first.port, { onLane: () => { opened++; } });
  await until(() => opened === 1);
  await first[Symbol.asyncDispose]();
  await using _second = await startEcho({ port: first.port });
  while (opened < 2) await client.say({ text: 'again' }).catch(() => {});
  unary.mockClear();
  expect(await client.act({ text: 'hello' })).toEqual({ text: 'hello' });
  expect(unary).not.toHaveBeenCalled();
});

test('G5 while a server drains, a caller that leaves takes nobody with it', async () => {
  const answers: (() => void)[] = [];
  const server = await startEcho({ act: (request) => new Promise((resolve) => { answers.push(() => resolve(request)); }) });
  await using client = await connectByLane(server.port);
  const leaving = new AbortController();
  const left = failure(client.act({ text: 'left' }, { signal: leaving.signal }));
  const kept = client.act({ text: 'kept' });
  await until(() => answers.length === 2);
  unary.mockClear();
  const stopped = server[Symbol.asyncDispose]();
  // By plain gRPC: the server has said that it wants to be left.
  while (unary.mock.calls.length === 0) await client.say({ text: '' }).catch(() => {});
  leaving.abort();
  expect(await left).toMatchObject({ kind: 'deadline' });
  for (const answer of answers) answer();
  expect(await kept).toEqual({ text: 'kept' });
  await stopped;
});

test('more calls at once than the lane takes are all answered', async () => {
  await using server = await startEcho();
  await using client = await connectByLane(server.port);
  const texts = Array.from({ length: 1500 }, (_, i) => String(i));
  expect(await Promise.all(texts.map((text) => client.act({ text })))).toEqual(texts.map((text) => ({ text })));
});

test('a large answer arrives whole and does not hold up a small one, and a large request arrives too', async () => {
  const large = 'ы'.repeat(2 * 1024 * 1024);
  await using server = await startEcho({ act: async ({ text }) => ({ text: text === 'large' ? large : text }) });
  await using client = await connectByLane(server.port);
  const order: string[] = [];
  const both = [client.act({ text: 'large' }).then(({ text }) => { order.push('large'); return text; }), client.act({ text: 'small' }).then(({ text }) => { order.push('small'); return text; })];
  expect(await Promise.all(both)).toEqual([large, 'small']);
  expect(order).toEqual(['small', 'large']);
  expect(await client.act({ text: large })).toEqual({ text: large });
});

test('an answer beyond 8 MiB is refused, and the lane lives on', async () => {
  await using server = await startEcho({ act: async ({ text }) => ({ text: text === 'large' ? 'x'.repeat(9 * 1024 * 1024) : text }) });
  await using client = await connectByLane(server.port);
  expect(await failure(client.act({ text: 'large' }))).toMatchObject({ kind: 'exhausted' });
  expect(await client.act({ text: 'small' })).toEqual({ text: 'small' });
});

test('P1 a peer that is killed in the middle: what may be repeated is, what may not has an unknown outcome', async () => {
  await using server = await startProcess();
  await using client = await connectByLane(server.port);
  await client.say({ text: 'before' });
  server.child.kill('SIGSTOP');
  const calls = [client.say({ text: '' }), client.act({ text: '' })];
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.child.kill('SIGKILL');
  for (const call of calls) expect(await failure(call)).toMatchObject({ kind: 'unavailable', reason: 'echo_unavailable' });
  await using second = await startEcho({ port: server.port });
  while (!(await client.say({ text: 'after' }).then(() => true, () => false)));
  expect(new Set(second.observed.map(({ method }) => method))).toEqual(new Set(['kiosk.test.Echo/Say']));
});

test.each<[string, Buffer]>([
  ['no frame', Buffer.from([1])],
  ['a frame cut short', encodeFrame({ cancel: 1 }).subarray(0, -1)],
  ['lengths that lie', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ['a header that is no JSON', Buffer.concat([Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]), Buffer.from('{{')])],
  ['a header that is no object', Buffer.concat([Buffer.from([0, 0, 0, 4, 0, 0, 0, 0]), Buffer.from('null')])],
  ['a header that asks nothing', encodeFrame({ hello: 1, mostCalls: 1 })],
  ['an id that is none', encodeFrame({ ...ask(1.5) })],
  ['an id that is under way', Buffer.concat([encodeFrame(ask(1, 'Act')), encodeFrame(ask(1, 'Act'))])],
])('%s ends the lane, and what was under way on it, and nothing else', async (_, message) => {
  const signals: AbortSignal[] = [];
  await using server = await startEcho({ act: (_request, call) => { signals.push(call.signal); return new Promise(() => {}); } });
  using lane = rawLane(server.port);
  lane.ask(ask(7, 'Act'));
  await until(() => signals.length === 1);
  lane.stream.write(message);
  await until(() => lane.ended.length === 1);
  expect(lane.ended[0]).toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
  expect(signals[0]!.aborted).toBe(true);
  await using client = await connectByLane(server.port);
  expect(await client.say({ text: 'alive' })).toEqual({ text: 'alive' });
});

test('a frame that asks for nothing there is, or cannot be read, fails alone', async () => {
  await using server = await startEcho();
  using lane = rawLane(server.port);
  lane.ask(ask(1, 'Nothing'));
  lane.ask(ask(2), Buffer.from([0xff, 0xff]));
  lane.ask({ ask: 3, method: '/kiosk.test.Echo/Say', leftMs: 'soon', requestId: {}, caller: 7, trace: { traceparent: 7 } }, wordsOf({ text: 'hello' }));
  await until(() => lane.heard.length === 4);
  const byId = new Map(lane.heard.map(({ header, payload }) => [header['failure'] ?? header['answer'], { code: header['code'], payload }]));
  expect(byId.get(1)?.code).toBe(grpc.status.UNIMPLEMENTED);
  expect(byId.get(2)?.code).toBe(grpc.status.INTERNAL);
  expect(byId.get(3)?.payload).toEqual(wordsOf({ text: 'hello' }));
});

test('a client that has more under way than is allowed is refused the rest', async () => {
  let begun = 0;
  await using server = await startEcho({ act: () => { begun++; return new Promise(() => {}); } });
  using lane = rawLane(server.port);
  for (let id = 0; id <= 1000; id++) lane.ask(ask(id, 'Act'));
  await until(() => lane.heard.length === 2);
  expect(begun).toBe(1000);
  expect(lane.heard[1]!.header).toMatchObject({ failure: 1000, code: grpc.status.RESOURCE_EXHAUSTED });
});

test('a client that does not read its answers is not listened to', async () => {
  let asked = 0;
  const large = { text: 'x'.repeat(40 * 1024) };
  await using server = await startEcho({ act: async () => { asked++; return large; } });
  using lane = rawLane(server.port);
  lane.stream.pause();
  const total = 1500;
  for (let id = 0; id < total; id++) {
    lane.ask({ ...ask(id, 'Act'), leftMs: 60_000 });
    if (id % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  let before = -1;
  while (before !== asked) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(asked).toBeLessThan(total);
  lane.stream.resume();
  await until(() => lane.heard.length === total + 1);
  expect(asked).toBe(total);
});
