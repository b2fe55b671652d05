import { expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { answerUnderStreams } from './under-streams.ts';

/** A connection whose far end answers under its streams, and what these were given and have written. */
async function startPair({ answerTo, now }: { answerTo: (bytes: string) => string | undefined; now?: () => number }) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = await once(server, 'connection') as [Socket];
  const streams = { read: [] as string[], write: jest.spyOn(socket, 'write'), ended: once(socket, 'end') };
  const isUnder = answerUnderStreams(socket, (bytes) => answerTo(bytes.toString('latin1')), now);
  socket.on('data', (bytes: Buffer) => streams.read.push(bytes.toString('latin1')));
  return {
    isUnder, client, socket, streams,
    async ask(text: string): Promise<string> {
      client.write(text, 'latin1');
      return String((await once(client, 'data'))[0]);
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('G4 this Node lets an answer be given under the streams, which see nothing of it', async () => {
  await using pair = await startPair({ answerTo: (bytes) => `answer to ${bytes}` });
  expect(pair.isUnder).toBe(true);
  expect([await pair.ask('one'), await pair.ask('two')]).toEqual(['answer to one', 'answer to two']);
  expect([pair.streams.read, pair.streams.write.mock.calls]).toEqual([[], []]);
});

test('what is not answered reaches the streams unchanged, however it is cut, and so does the end', async () => {
  await using pair = await startPair({ answerTo: (bytes) => (bytes === 'refused' ? 'no' : undefined) });
  const large = 'x'.repeat(300_000);
  expect(await pair.ask('refused')).toBe('no');
  pair.client.end(large);
  await pair.streams.ended;
  expect(pair.streams.read.join('')).toBe(large);
});

test('what two connections are sent at the same time is not mixed up', async () => {
  await using left = await startPair({ answerTo: () => undefined });
  await using right = await startPair({ answerTo: () => undefined });
  for (const [pair, text] of [[left, 'l'], [right, 'r']] as const) pair.client.end(text.repeat(100_000));
  await Promise.all([left.streams.ended, right.streams.ended]);
  expect([left, right].map(({ streams }) => [...new Set(streams.read.join(''))])).toEqual([['l'], ['r']]);
});

test('while an answer waits to be taken the streams get what comes, and what they write follows it', async () => {
  const answer = 'a'.repeat(8_000_000);
  await using pair = await startPair({ answerTo: () => answer });
  pair.client.pause();
  const received: string[] = [];
  pair.client.write('one');
  while (pair.socket.bytesRead < 3) await new Promise(setImmediate);
  pair.client.write('two');
  while (pair.streams.read.length === 0) await new Promise(setImmediate);
  expect(pair.streams.read).toEqual(['two']);
  pair.socket.end('the end');
  pair.client.on('data', (bytes: Buffer) => received.push(bytes.toString('latin1'))).resume();
  await once(pair.client, 'end');
  expect(received.join('')).toBe(`${answer}the end`);
});

test('Node is told once a second that a connection which is answered here is not idle', async () => {
  let at = 0;
  await using pair = await startPair({ answerTo: () => 'answer', now: () => at });
  pair.socket.setTimeout(65_000);
  const told = jest.spyOn(pair.socket, 'setTimeout');
  const times: number[] = [];
  for (at of [999, 1000, 1001, 1999, 2000, 60_000]) {
    await pair.ask('?');
    times.push(told.mock.calls.length);
  }
  expect(times).toEqual([0, 1, 1, 1, 2, 3]);
  expect(told.mock.calls).toEqual([[65_000], [65_000], [65_000]]);
});

test('who has gone is let go, and so is the connection', async () => {
  await using pair = await startPair({ answerTo: () => 'x'.repeat(100_000) });
  const closed = once(pair.socket, 'close');
  pair.socket.on('error', () => {});
  pair.client.write('one');
  pair.client.resetAndDestroy();
  await closed;
  expect(pair.socket.destroyed).toBe(true);
});
