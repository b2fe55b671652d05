/** The far side of the Express→gRPC peer: grpc-js unary over better-sqlite3 NORMAL. `grpc-sessions.mjs <grpc port> <file>`. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { openFile, ready, sessionsIn, sessionsSchema } from './bare-sessions.mjs';
import { sessionsService } from './grpc-definition.mjs';

const [port, file] = process.argv.slice(2);
const sessions = sessionsIn(openFile(file, { synchronous: 'NORMAL', schema: sessionsSchema }));
const server = new Server();
server.addService(sessionsService.service, {
  createSession: ({ request }, answer) => answer(null, sessions.create(request)),
  getSession: ({ request }, answer) => answer(null, sessions.get(request.id)),
});
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  ready();
});
