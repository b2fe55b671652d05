/** The far side of the echo hop: gives every message back. `echo-server.ts <port>`. */
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { echoDefinition } from './echo-service.ts';

const server = new Server();
server.addService(echoDefinition, {
  echo: ({ request }: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => answer(null, request),
});
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  process.send?.('ready');
});
process.on('disconnect', () => process.exit());
