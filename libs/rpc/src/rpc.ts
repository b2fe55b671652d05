/**
 * gRPC as plain async functions. A service implements `Rpc<SessionsServer>`, a client calls `Rpc<SessionsServer>`, a stand-in in a test is
 * one too. What is wrong arrives as a Fault; each call has a deadline, a request id, a span and a duration; nobody sees a grpc object.
 */
import type * as grpc from '@grpc/grpc-js';
import type { Call } from './call.ts';

export { anonymous, neverAborted, newCall, type Call, type Caller } from './call.ts';
export { connect, type Client, type ClientOptions } from './client.ts';
export { Inside } from './inside.ts';
export { implement, startServer, type Implementation, type RpcServer, type ServerOptions } from './server.ts';
export type { Observe } from './observe.ts';
export type { Tls } from './tls.ts';

/**
 * ts-proto's callback interface of a service as an object of async functions. A method that streams its answer gives an async iterable: an async
 * generator function implements it, a `for await` loop calls it. Each loop is one call, which begins with the loop and ends when either side leaves.
 */
export type Rpc<Server> = {
  [Method in keyof Server as string extends Method ? never : Method]: Server[Method] extends grpc.handleUnaryCall<infer Request, infer Response>
    ? (request: Request, call?: Partial<Call>) => Promise<Response>
    : Server[Method] extends grpc.handleServerStreamingCall<infer Request, infer Response>
      ? (request: Request, call?: Partial<Call>) => AsyncIterable<Response>
      : never;
};
