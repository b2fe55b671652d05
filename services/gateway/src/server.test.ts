import { expect, test } from '@jest/globals';
import { createTurns } from '@kiosk/service';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Connections } from './connections.ts';
import { startHttp } from './server.ts';
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
  expect(performance.now() - startedAt).toBeLessThan(7000);
  agents.idle.destroy();
  agents.busy.destroy();
});

test('G4 newcomers need not wait for a turn of the event loop each', async () => {
  await using gateway = await startTestGateway();
  const newcomers = 160;
  let answered = 0;
  for (let each = 0; each < newcomers; each++) {
    connect(gateway.port, '127.0.0.1').once('data', () => answered++).resume().write('GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  }
  let turns = 0;
  for (; answered < newcomers; turns++) await new Promise(setImmediate);
  expect(turns).toBeLessThan(newcomers);
});

test('connections beyond the limit are closed at once, on whichever of the listening sockets they come', async () => {
  await using gateway = await startTestGateway({ config: { mostConnections: 20 } });
  const ask = (socket: ReturnType<typeof connect>) => void socket.write('GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n');
  const sockets = Array.from({ length: 20 }, () => connect(gateway.port, '127.0.0.1'));
  sockets.forEach(ask);
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  for (let more = 0; more < 20; more++) {
    const refused = connect(gateway.port, '127.0.0.1').on('error', () => {});
    ask(refused);
    await once(refused, 'close');
    expect(refused.bytesRead).toBe(0);
  }
  for (const socket of sockets) socket.destroy();
});

test('a port that is taken fails the start', async () => {
  await using gateway = await startTestGateway();
  await expect(startTestGateway({ config: { port: gateway.port } })).rejects.toThrow('EADDRINUSE');
});

const soon = { headersTimeout: 1000, requestTimeout: 2000, connectionsCheckingInterval: 50 };

/** A server that reads the whole body, answers and has little patience. */
function startImpatient({ most = 1000, mostPerAddress = 1000 }: { most?: number; mostPerAddress?: number } = {}) {
  return startHttp({
    host: '127.0.0.1', port: 0, connections: new Connections({ most, mostPerAddress, isProxy: () => false }), limits: soon, turns: createTurns({ perTurn: 16 }),
    door: {
      busy: () => false, refuse: () => undefined,
      listener: (request, response) => void request.on('error', () => {}).resume().once('end', () => response.end('read')),
    },
  });
}

/** A client that sends `head` and then a byte now and then, and what it is told in the end. */
async function drip(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write(head);
  const timer = setInterval(() => socket.write('x'), 20);
  return text(socket).finally(() => clearInterval(timer));
}

test.each([
  ['headers', 'GET / HTTP/1.1\r\nhost: a\r\nx: '],
  ['a body', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n'],
])('G2 who sends %s byte by byte is told so in time and loses the connection, and others are served meanwhile', async (_what, head) => {
  await using server = await startImpatient();
  const slow = Array.from({ length: 100 }, () => drip(server.port, head));
  const answer = await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body: 'whole' });
  expect(await answer.text()).toBe('read');
  for (const said of await Promise.all(slow)) expect(said).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n[^]*"reason":"request_timeout"/);
});

test('G2 who does not take its answer loses the connection in time, and others are served meanwhile', async () => {
  await using server = await startHttp({
    host: '127.0.0.1', port: 0, connections: new Connections({ most: 9, mostPerAddress: 9, isProxy: () => false }), limits: { ...soon, takeTimeout: 200 }, turns: createTurns({ perTurn: 16 }),
    door: { busy: () => false, refuse: () => undefined, listener: (request, response) => void response.end(request.url === '/large' ? Buffer.alloc(50_000_000) : 'small') },
  });
  const socket = connect(server.port, '127.0.0.1').on('error', () => {});
  socket.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(socket, 'readable');
  expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('small');
  await new Promise((resolve) => setTimeout(resolve, 600));
  let received = 0;
  for await (const chunk of socket) received += (chunk as Buffer).length;
  expect(received).toBeLessThan(50_000_000);
});

test.each([
  ['http://kiosk.example/health/live?a=b', 200], ['HTTPS://kiosk.example:443', 404], ['http://a-1821-04-19T23:5RUB:59Zealth/live', 400], ['ftp://kiosk.example/health/live', 400],
])('G2 a request for %s in absolute form is %d', async (target, status) => {
  await using gateway = await startTestGateway();
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(`GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  expect([head.slice(9, 12), JSON.parse(body)]).toEqual([String(status), status === 200 ? { status: 'ok' } : expect.objectContaining({ status })]);
});

test('G2 a hundred headers are taken and one more is not', async () => {
  await using gateway = await startTestGateway();
  const ask = (count: number) => new Promise<IncomingMessage>((resolve) => {
    const headers = Object.fromEntries(Array.from({ length: count - 2 }, (_, n) => [`x-${n}`, '1']));
    httpRequest({ host: '127.0.0.1', port: gateway.port, path: '/health/live', headers: { connection: 'close', ...headers } }, resolve).end();
  });
  expect((await ask(100)).statusCode).toBe(200);
  const refused = await ask(101);
  expect([refused.statusCode, refused.headers['content-type'], JSON.parse(await text(refused))]).toEqual([
    431, 'application/problem+json', expect.objectContaining({ reason: 'headers_too_large', requestId: refused.headers['x-request-id'] }),
  ]);
});

test.each(['destroy', 'resetAndDestroy'] as const)('G2 a client that goes away in the middle of its body (%s) is no error of ours', async (leave) => {
  await using gateway = await startTestGateway();
  const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
  socket.write('POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"type":');
  await once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket[leave]();
  while (!gateway.log().some(({ msg }) => msg === 'request')) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(gateway.log().filter(({ level }) => level === 'error')).toEqual([]);
});

test('who connects and says nothing loses the connection too', async () => {
  await using server = await startImpatient();
  const socket = connect(server.port, '127.0.0.1');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 408 /);
});

test('a connection beyond the limit is closed at once, and a free place is given again', async () => {
  await using server = await startImpatient({ most: 1 });
  const first = connect(server.port, '127.0.0.1');
  await once(first, 'connect');
  const second = connect(server.port, '127.0.0.1').on('error', () => {});
  expect(await text(second).catch(() => '')).toBe('');
  first.destroy();
  await once(first, 'close');
  let answer: Response | undefined;
  while (!answer) answer = await fetch(`http://127.0.0.1:${server.port}/`).catch(() => undefined);
  expect(await answer.text()).toBe('read');
});

test('one address may have only its share of the connections, and a proxy all of them', async () => {
  const first = async (port: number) => once(connect(port, '127.0.0.1').on('error', () => {}), 'connect');
  const isOpen = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))?.status === 200;
  await using server = await startImpatient({ mostPerAddress: 1 });
  await first(server.port);
  expect(await isOpen(server.port)).toBe(false);
  await using gateway = await startTestGateway({ config: { mostConnectionsPerAddress: 1 } });
  await first(gateway.port);
  expect((await gateway.send('/health/live')).status).toBe(200);
});

test('G2 what one caller sends of bodies and does not end is limited, and others are served meanwhile', async () => {
  await using gateway = await startTestGateway({ config: { trustedProxies: ['127.0.0.1'] } });
  const length = 1024 * 1024;
  const head = `POST /api/deliveries/callbacks/sendgrid HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.1\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  const sockets = Array.from({ length: 9 }, () => connect(gateway.port, '127.0.0.1').on('error', () => {}));
  for (const socket of sockets) socket.write(head + ' '.repeat(length - 1));
  const [chunk] = await Promise.race(sockets.map((socket) => once(socket, 'data')));
  expect(String(chunk)).toMatch(/^HTTP\/1.1 503 [^]*"reason":"overloaded"/);
  const send = (from: string) => gateway.post('/api/deliveries/callbacks/sendgrid', ' '.repeat(length), { headers: { 'x-forwarded-for': from } });
  expect((await send('192.0.2.2')).status).toBe(200);
  const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
  for (const socket of sockets) socket.destroy();
  await closed;
  while (gateway.log().filter(({ msg }) => msg === 'request').length < sockets.length + 1) await new Promise(setImmediate);
  expect((await send('192.0.2.1')).status).toBe(200);
});
