/**
 * Refuses everything: `refuser.ts <port> door` with the gateway's front door, in which there is no room, and `refuser.ts <port> bare` with a `net.Server` that
 * writes the same bytes to whatever comes.
 */
import { createMetrics, createTurns } from '@kiosk/service';
import { createServer } from 'node:net';
import { Connections } from '../../../services/gateway/src/connections.ts';
import { corsFor } from '../../../services/gateway/src/cors.ts';
import { frontDoor } from '../../../services/gateway/src/front-door.ts';
import { createRoom } from '../../../services/gateway/src/overload.ts';
import { startHttp } from '../../../services/gateway/src/server.ts';

const [port, which] = [Number(process.argv[2]), process.argv[3]];
const most = 10_000;

const turns = createTurns({ perTurn: 16 });
const door = frontDoor({
  routes: [
    { method: 'post', path: '/api/sessions', urgency: 'visit' }, { method: 'get', path: '/api/sessions', urgency: 'list' },
    { method: 'get', path: '/api/sessions/:id', urgency: 'visit' }, { method: 'post', path: '/api/payments/intent', urgency: 'visit' },
  ],
  room: createRoom({ places: { vital: 0, visit: 0, report: 0, list: 0 }, toleratedDelayMs: 100, eventLoopDelayMs: () => 0, turns }),
  cors: corsFor([]), metrics: createMetrics({ service: 'gateway' }), isKnown: () => true,
  listener: (_request, response) => void response.writeHead(500).end(),
});

if (which === 'door') await startHttp({ host: '127.0.0.1', port, door, turns, connections: new Connections({ most, mostPerAddress: most, isProxy: () => false }) });
else {
  const answer = door.refuse({ method: 'POST', url: '/api/sessions', headers: {} })!;
  const server = createServer({ noDelay: true }, (socket) => void socket.on('error', () => {}).on('data', () => socket.write(answer, 'latin1')));
  await new Promise<void>((resolve) => server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve));
}
process.on('disconnect', () => process.exit());
process.send?.('ready');
