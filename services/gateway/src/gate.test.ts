import { expect, test } from '@jest/globals';
import { createTurns } from '@kiosk/service';
import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { guard } from './gate.ts';
import { plainRequestOf } from './plain-request.ts';
import { aReport, reportId, startTestGateway } from './testing.ts';

const get = 'GET /api/reports/rep_1?a=b HTTP/1.1\r\nHost: a\r\nX-Request-Id:  mine \r\n\r\n';
const post = 'POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\nnull';

const read = `GET /api/reports/${reportId} HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\norigin: https://screen.example\r\n\r\n`;

/** A gateway whose only place for reports is taken until `leave` is called. */
async function startFull() {
  const { promise, resolve: leave } = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const gateway = await startTestGateway({
    config: { places: { vital: 4, visit: 4, report: 1, list: 4 }, corsOrigins: ['https://screen.example'] },
    reporting: {
      getReport: async () => {
        taken.resolve();
        await promise;
        return { report: aReport };
      },
    },
  });
  const underWay = gateway.send(`/api/reports/${reportId}`);
  await taken.promise;
  return { gateway, underWay, leave };
}

/** Sends and gives what comes back within the answer's length. */
async function ask(socket: Socket, bytes: string): Promise<{ status: number; head: string; body: string }> {
  socket.write(bytes);
  let received = '';
  for (;;) {
    received += String((await once(socket, 'data'))[0]);
    const [head = '', body = ''] = received.split('\r\n\r\n');
    if (body.length === Number(/content-length: (\d+)/i.exec(head)?.[1])) return { status: Number(head.slice(9, 12)), head: head.toLowerCase(), body };
  }
}

test('G1 G4 a connection is refused at once and as often as it asks, with the same document, and served again when there is a place', async () => {
  const { gateway, underWay, leave } = await startFull();
  await using _gateway = gateway;
  const socket = connect(gateway.port, '127.0.0.1');
  // The first is refused behind the parser, the others before it.
  for (let time = 0; time < 4; time++) {
    const { status, head, body } = await ask(socket, read);
    expect([status, JSON.parse(body)]).toEqual([503, {
      type: 'urn:kiosk:problem:overloaded', title: 'Service Unavailable', status: 503, detail: 'Too much at once. Come back a little later.', reason: 'overloaded', requestId: 'mine',
    }]);
    for (const header of ['retry-after: 2', 'x-request-id: mine', 'content-type: application/problem+json', 'cache-control: no-store', 'access-control-allow-origin: https://screen.example']) {
      expect(head).toContain(`\r\n${header}`);
    }
  }
  expect(await (await gateway.send('/metrics')).text()).toContain('http_refused_total{urgency="report",service="gateway"} 4\n');
  expect((await ask(socket, 'GET /api/sessions HTTP/1.1\r\nhost: a\r\n\r\n')).status).toBe(200);
  leave();
  expect((await underWay).status).toBe(200);
  expect(await ask(socket, read)).toMatchObject({ status: 200 });
  socket.destroy();
});

test('G1 each refusal has an id of its own, the same in its header and its document', async () => {
  const { gateway, underWay, leave } = await startFull();
  await using _gateway = gateway;
  const socket = connect(gateway.port, '127.0.0.1');
  const ids = new Set<string>();
  for (let time = 0; time < 4; time++) {
    const { status, head, body } = await ask(socket, read.replace('x-request-id: mine\r\n', '').replace(/origin: .*\r\n/, ''));
    const { requestId } = JSON.parse(body) as { requestId: string };
    expect([status, /x-request-id: (.*)/.exec(head)?.[1]]).toEqual([503, requestId]);
    expect(requestId).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    ids.add(requestId);
  }
  expect(ids.size).toBe(4);
  socket.destroy();
  leave();
  await (await underWay).arrayBuffer();
});

test('G4 a HEAD is refused without a body, so that what follows on its connection is the answer to the next request', async () => {
  const { gateway, underWay, leave } = await startFull();
  await using _gateway = gateway;
  const socket = connect(gateway.port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => received += String(chunk));
  const headsOf = () => received.match(/\r\n\r\n/g)?.length ?? 0;
  for (const request of [read, read.replace('GET', 'HEAD'), read.replace('GET', 'HEAD'), read]) {
    const heads = headsOf();
    socket.write(request);
    while (headsOf() === heads) await once(socket, 'data');
  }
  socket.end();
  await once(socket, 'close');
  expect(received.split('HTTP/1.1 503 Service Unavailable\r\n').slice(1).map((answer) => answer.split('\r\n\r\n')[1] !== '')).toEqual([true, false, false, true]);
  leave();
  await (await underWay).arrayBuffer();
});

test('G4 a connection that sends in pieces or ahead of the answers is refused all the same', async () => {
  const { gateway, underWay, leave } = await startFull();
  await using _gateway = gateway;
  const socket = connect(gateway.port, '127.0.0.1');
  expect((await ask(socket, read)).status).toBe(503);
  socket.write(read.slice(0, 30));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect((await ask(socket, read.slice(30))).status).toBe(503);
  socket.write(read + read.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
  expect((await text(socket)).match(/HTTP\/1.1 503 /g)).toHaveLength(2);
  leave();
  await (await underWay).arrayBuffer();
});

test.each([
  ['body', `POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${read.length}\r\n\r\n`, 400],
  ['header', 'GET /health/live HTTP/1.1\r\nx: ', 200],
])('G4 what looks like a request and is the %s of the one begun before is the parser\'s', async (_what, begun, status) => {
  const { gateway, underWay, leave } = await startFull();
  await using _gateway = gateway;
  const socket = connect(gateway.port, '127.0.0.1');
  const list = 'GET /api/sessions HTTP/1.1\r\nhost: a\r\n\r\n';
  expect((await ask(socket, list)).status).toBe(200);
  expect((await ask(socket, list + begun)).status).toBe(200);
  expect((await ask(socket, read)).status).toBe(status);
  expect((await ask(socket, read)).status).toBe(503);
  socket.destroy();
  leave();
  await (await underWay).arrayBuffer();
});

/** In place of Node's parser: finds the requests that are whole, and has them answered at once. */
function parseBy(server: Server, seen: (bytes: string) => void): void {
  server.on('connection', (socket: Socket) => void socket.on('data', (bytes: Buffer) => {
    seen(bytes.toString());
    const response = Object.assign(new EventEmitter(), { shouldKeepAlive: true });
    const headers = { 'content-length': /content-length: (\d+)/.exec(bytes.toString())?.[1] };
    if (plainRequestOf(bytes)) server.emit('request', { socket, complete: true, headers }, response);
    response.emit('close');
  }));
}

test('G4 who asks on and on and never reads loses the connection', () => {
  const server = new EventEmitter() as Server;
  let parsed = 0;
  parseBy(server, () => void parsed++);
  guard(server, { event: 'connection', busy: () => true, refuse: () => 'x'.repeat(600), turns: createTurns({ perTurn: 16 }) });
  const socket = new Duplex({ read() {}, write() {} });
  server.emit('connection', socket);
  socket.emit('data', Buffer.from(get));
  let sent = 0;
  for (; !socket.destroyed; sent++) socket.emit('data', Buffer.from(get));
  expect(parsed).toBe(1);
  expect(sent).toBeLessThan(120);
});

/** A guarded server whose turns come when `next` is called, and what its parser saw. */
function startTurning({ busy = () => false }: { busy?: () => boolean } = {}) {
  const server = new EventEmitter() as Server;
  const parsed: string[] = [];
  const turns: (() => void)[] = [];
  parseBy(server, (bytes) => parsed.push(bytes));
  guard(server, { event: 'connection', busy, refuse: () => 'refused', turns: { take: (begin) => void turns.push(begin) } });
  return {
    parsed,
    next: () => turns.shift()!(),
    /** A connection that has had its first request and answer, and what it was sent since. */
    connection() {
      const sent: string[] = [];
      const socket = new Duplex({ read() {}, write(chunk: Buffer, _encoding, done) { sent.push(chunk.toString()); done(); } });
      server.emit('connection', socket);
      socket.emit('data', Buffer.from(get));
      parsed.splice(0);
      return { socket, sent, send: (bytes: string) => socket.emit('data', Buffer.from(bytes)) };
    },
  };
}

test('a request waits for its turn before it is parsed; what has not even a whole head is parsed as it comes', () => {
  const { parsed, next, connection } = startTurning();
  const [first, second, pieces] = [connection(), connection(), connection()];
  first.send(get);
  second.send(post);
  pieces.send(get.slice(0, 20));
  expect(parsed).toEqual([get.slice(0, 20)]);
  next();
  next();
  expect(parsed.slice(1)).toEqual([get, post]);
});

test('who sends on before its turn loses nothing and keeps its order, and the turn is then nobody\'s', () => {
  const { parsed, next, connection } = startTurning();
  const { send } = connection();
  send(get);
  send(post.slice(0, 30));
  expect(parsed).toEqual([get, post.slice(0, 30)]);
  next();
  send(post.slice(30));
  expect(parsed).toEqual([get, post.slice(0, 30), post.slice(30)]);
});

test('G4 what was let in to wait is refused if there is too much when its turn comes; who has gone is not begun', () => {
  let isBusy = false;
  const { parsed, next, connection } = startTurning({ busy: () => isBusy });
  const [stays, goes] = [connection(), connection()];
  stays.send(get);
  goes.send(get);
  isBusy = true;
  goes.socket.destroy();
  next();
  next();
  expect([parsed, stays.sent, goes.sent]).toEqual([[], ['refused'], []]);
});
