/** sessions.proto as grpc-js takes it. */
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export const protoPath = new URL('sessions.proto', import.meta.url).pathname;
export const loading = { keepCase: true, longs: Number, defaults: true };
/** The service's client; its definition is in `service`. */
export const sessionsService = loadPackageDefinition(loadSync(protoPath, loading)).peers.Sessions;
