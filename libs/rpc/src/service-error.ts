/** A status as grpc-js' clients fail with it, from the lanes that are ours. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';

export function serviceError(code: status, metadata = new Metadata(), details = ''): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}`), { code, details, metadata });
}
