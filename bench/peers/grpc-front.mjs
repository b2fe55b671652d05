/** A peer: Express, one unary grpc-js call, SQLite NORMAL behind it: the floor that the others are measured by. `grpc-front.mjs <port> <grpc port>`. */
import { credentials } from '@grpc/grpc-js';
import { serve } from './bare-front.mjs';
import { sessionsService } from './grpc-definition.mjs';

const [port, grpcPort] = process.argv.slice(2);
const client = new sessionsService(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
const ask = (method) => (request) => new Promise((resolve, reject) => {
  client[method](request, (error, answer) => (error ? reject(error) : resolve(answer)));
});
const getSession = ask('getSession');

serve(port, { create: ask('createSession'), get: (id) => getSession({ id }) });
