import * as grpc from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { expect, test } from '@jest/globals';
import { service as healthService } from 'grpc-health-check';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { connectEcho, failure, lane, startEcho, until, type Words } from './testing.ts';

test.each(['0.0.0.0', '::', '10.1.2.3', '192.168.0.1', '', 'example.com', '127.example.com', '127.0.0.1.example.com', 'localhost.example.com', '::ffff:10.0.0.1'])(
  'X3 gRPC does not listen on %j',
  async (host) => {
    expect(await failure(startEcho({ host }))).toMatchObject({ kind: 'invalid', reason: 'grpc_host_not_loopback' });
  },
);

test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('X3 gRPC listens on %s', async (host) => {
  await using server = await startEcho({ host });
  await using client = connectEcho(server.port, { address: host.includes(':') ? `[${host}]:${server.port}` : `${host}:${server.port}` });
  expect(await client.act({ text: host })).toEqual({ text: host });
});

test('a port that is taken fails the start', async () => {
  await using server = await startEcho();
  await expect(startEcho({ port: server.port })).rejects.toThrow('No address added');
});

/** Any unary call or stream, as a foreign tool would make it. */
function foreign(port: number) {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

test('health says SERVING, and NOT_SERVING once the server stops', async () => {
  let finish = (words: Words): void => void words;
  const server = await startEcho({ act: () => new Promise<Words>((resolve) => { finish = resolve; }) });
  using client = foreign(server.port);
  await using echo = connectEcho(server.port);
  const { Watch } = healthService as unknown as Record<string, grpc.MethodDefinition<object, { status: string }>>;
  const seen: string[] = [];
  const watch = client.makeServerStreamRequest(Watch!.path, Watch!.requestSerialize, Watch!.responseDeserialize, { service: '' });
  watch.on('data', ({ status }: { status: string }) => seen.push(status));
  watch.on('error', () => {});
  await until(() => seen.length === 1);
  const call = echo.act({ text: '' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stopped = server[Symbol.asyncDispose]();
  await until(() => seen.length === 2);
  expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
  watch.cancel();
  finish({ text: 'done' });
  expect(await call).toEqual({ text: 'done' });
  await stopped;
});

test.each(['/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Watch', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'])(
  'G2 bytes that are no message are the caller\'s mistake at %s too, and the server lives', async (path) => {
    await using server = await startEcho();
    using client = foreign(server.port);
    const asItIs = (bytes: Buffer): Buffer => bytes;
    const { promise: ended, resolve } = Promise.withResolvers<number>();
    const stream = client.makeBidiStreamRequest(path, asItIs, asItIs);
    stream.on('data', () => {}).on('error', () => {}).on('status', ({ code }: grpc.StatusObject) => resolve(code));
    stream.end(Buffer.from([0x0a, 0xff, 0xff, 0xff]));
    expect(await ended).toBe(grpc.status.INVALID_ARGUMENT);
    await using echo = connectEcho(server.port);
    expect(await echo.act({ text: 'alive' })).toEqual({ text: 'alive' });
  },
);

test.each(['v1', 'v1alpha'])('reflection %s lists the contract and tells what it says', async (version) => {
  await using server = await startEcho();
  using client = foreign(server.port);
  const folder = join(dirname(createRequire(import.meta.url).resolve('@grpc/reflection')), '../proto/grpc/reflection', version);
  const definition = loadSync(join(folder, 'reflection.proto'), { keepCase: true })[`grpc.reflection.${version}.ServerReflection`] as ServiceDefinition;
  const { path, requestSerialize, responseDeserialize } = definition['ServerReflectionInfo']!;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const answers: object[] = [];
  stream.on('data', (answer: object) => answers.push(answer));
  const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  stream.write({ list_services: '' });
  stream.write({ file_containing_symbol: 'kiosk.test.Echo' });
  stream.write({ file_containing_symbol: 'kiosk.test.Nobody' });
  stream.end();
  await ended;
  expect(answers).toMatchObject([
    { list_services_response: { service: [{ name: 'kiosk.test.Echo' }] } },
    { file_descriptor_response: { file_descriptor_proto: [expect.anything()] } },
    { error_response: { error_code: grpc.status.NOT_FOUND } },
  ]);
});

test('G5 a stopping server finishes the call under way and refuses new ones', async () => {
  let begun = false;
  let finish = (words: Words): void => void words;
  const server = await startEcho({ act: () => new Promise<Words>((resolve) => { begun = true; finish = resolve; }) });
  await using client = connectEcho(server.port);
  const call = client.act({ text: '' });
  await until(() => begun);
  const stopped = server[Symbol.asyncDispose]();
  await using late = connectEcho(server.port);
  expect(await failure(late.act({ text: '' }, { deadlineAt: Date.now() + 500 }))).toMatchObject({ kind: expect.stringMatching(/unavailable|deadline/) });
  finish({ text: 'finished' });
  expect(await call).toEqual({ text: 'finished' });
  await stopped;
});

test('G5 a call that never ends does not hold the stop for longer than 8 s', async () => {
  let begun = false;
  const server = await startEcho({ act: () => { begun = true; return new Promise<Words>(() => {}); } });
  await using client = connectEcho(server.port);
  const call = failure(client.act({ text: '' }));
  await until(() => begun);
  let over = false;
  const limit = setTimeout(() => { over = true; }, 8500);
  await server[Symbol.asyncDispose]();
  expect(over).toBe(false);
  clearTimeout(limit);
  expect(await call).toMatchObject({ kind: expect.stringMatching(/unavailable|deadline|internal/) });
});

test('bytes that are no message are refused without ending the process', async () => {
  await using server = await startEcho();
  using client = foreign(server.port);
  const error = await failure(new Promise((resolve, reject) => {
    client.makeUnaryRequest('/kiosk.test.Echo/Say', () => Buffer.from([0xff, 0xff, 0xff]), (bytes) => bytes, {}, (e, answer) => (e ? reject(e) : resolve(answer)));
  }));
  expect(error).toMatchObject({ code: grpc.status.INTERNAL });
  await using own = connectEcho(server.port);
  expect(await own.say({ text: 'alive' })).toEqual({ text: 'alive' });
});

test('a method that nobody implements is unimplemented', async () => {
  await using server = await startEcho({ services: [] });
  await using client = connectEcho(server.port);
  // Within a process a server is known by what it offers: one without the method is one that is away.
  expect(await failure(client.say({ text: '' }))).toMatchObject({ kind: lane === 'inside' ? 'unavailable' : 'unimplemented' });
});
