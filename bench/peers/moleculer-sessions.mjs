/** The far side of the Moleculer peer, SQLite NORMAL. `moleculer-sessions.mjs <front's tcp port> <own tcp port> <file>`. */
import { openFile, ready, sessionsIn, sessionsSchema } from './bare-sessions.mjs';
import { startBroker } from './moleculer-broker.mjs';

const [frontPort, ownPort, file] = process.argv.slice(2);
const sessions = sessionsIn(openFile(file, { synchronous: 'NORMAL', schema: sessionsSchema }));
await startBroker({
  nodeID: 'sessions', tcpPort: [Number(frontPort), Number(ownPort)],
  services: [{ name: 'sessions', actions: { create: ({ params }) => sessions.create(params), get: ({ params }) => sessions.get(params.id) } }],
});
ready();
