/**
 * A peer: what any gateway in front of a service pays for Express and one unary gRPC call, with nothing behind. `echo-front.ts <port> <grpc port>`.
 * Every call of the comparison is one hop here, an intent too.
 */
import { credentials, type ServiceError } from '@grpc/grpc-js';
import express from 'express';
import { randomUUID } from 'node:crypto';
import { EchoClient } from './echo-service.ts';

const [port, grpcPort] = process.argv.slice(2);
const client = new EchoClient(`127.0.0.1:${grpcPort}`, credentials.createInsecure());

function echo(message: object): Promise<object> {
  const call = client['echo']?.bind(client) as (message: object, done: (error: ServiceError | null, answer: object) => void) => void;
  return new Promise((resolve, reject) => call(message, (error, answer) => (error ? reject(error) : resolve(answer))));
}

const app = express();
app.set('etag', false);
app.disable('x-powered-by');
app.use(express.json());
app.post('/api/sessions', async (request, response) => {
  response.status(201).json(await echo({ ...request.body as object, id: `ses_${randomUUID()}` }));
});
app.get('/api/sessions/:id', async (request, response) => {
  response.json(await echo({ id: request.params.id }));
});
app.post('/api/payments/intent', async (request, response) => {
  response.status(201).json(await echo({ ...request.body as object, intentId: `pay_${randomUUID()}`, qrCodeData: 'https://qr.dev.invalid/' }));
});
app.listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit());
