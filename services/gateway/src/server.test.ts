import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { aSession, sessionId, startTestGateway } from './testing.ts';

test.each([
  ['what is not HTTP', 'GARBAGE\r\n\r\n', 400, 'malformed_request'],
  ['headers above 16 KiB', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ['two lengths of one body', 'POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400, 'malformed_request'],
])('G1 %s is refused with a problem document', async (_what, bytes, status, reason) => {
  await using gateway = await startTestGateway();
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(bytes);
  const [head, body] = (await text(socket)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain('content-type: application/problem+json');
  const requestId = /x-request-id: (\S+)/.exec(head ?? '')?.[1];
  expect(JSON.parse(body ?? '')).toMatchObject({ status, reason, requestId });
});

test('G5 stopping answers what is under way, takes nothing new and does not wait for idle connections', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const gateway = await startTestGateway({
    sessions: {
      getSession: async () => {
        asked.resolve();
        await answer.promise;
        return { session: aSession };
      },
    },
  });
  const agents = { idle: new Agent({ keepAlive: true }), busy: new Agent({ keepAlive: true }) };
  const target = { host: '127.0.0.1', port: gateway.port };
  const [idle] = (await once(httpRequest({ ...target, agent: agents.idle, path: '/health/live' }).end(), 'response')) as [IncomingMessage];
  await text(idle);
  const underWay = once(httpRequest({ ...target, agent: agents.busy, path: `/api/sessions/${sessionId}` }).end(), 'response') as Promise<[IncomingMessage]>;
  await asked.promise;
  const startedAt = performance.now();
  const stopped = gateway[Symbol.asyncDispose]();
  await expect(gateway.send('/health/live')).rejects.toThrow('fetch failed');
  answer.resolve();
  const [response] = await underWay;
  expect(response.statusCode).toBe(200);
  expect(JSON.parse(await text(response))).toMatchObject({ id: sessionId });
  await stopped;
  expect(performance.now() - startedAt).toBeLessThan(3000);
  agents.idle.destroy();
  agents.busy.destroy();
});

test('a port that is taken fails the start', async () => {
  await using gateway = await startTestGateway();
  await expect(startTestGateway({ config: { port: gateway.port } })).rejects.toThrow('EADDRINUSE');
});
