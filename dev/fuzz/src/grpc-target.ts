/** Sends bytes as gRPC to a service, over plain HTTP/2, and says what is wrong with an answer. */
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { GrpcCase } from './grpc-cases.ts';

const answerLimitMs = 30_000;
/** A stream that goes on is well, and is not waited for. */
const streamLimitMs = 300;

export interface GrpcTarget extends Disposable {
  /** What is wrong; undefined where all is well. */
  send(call: Pick<GrpcCase, 'headers' | 'body'>): Promise<string | undefined>;
}

export function grpcTarget(port: number): GrpcTarget {
  let session: ClientHttp2Session | undefined;
  const open = (): ClientHttp2Session => {
    if (session && !session.closed && !session.destroyed) return session;
    session = connect(`http://127.0.0.1:${port}`).on('error', () => {});
    return session;
  };
  return {
    send: ({ headers, body }) => new Promise((resolve) => {
      const stream = open().request(headers);
      let status: string | undefined;
      let fault: string | undefined;
      let httpStatus = 0;
      const read = (fields: Record<string, unknown>): void => {
        status ??= fields['grpc-status'] as string | undefined;
        fault ??= fields['fault-kind'] as string | undefined;
      };
      const limit = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), answerLimitMs);
      stream.once('response', (fields) => {
        httpStatus = Number(fields[':status'] ?? 0);
        read(fields);
      });
      stream.on('trailers', read).on('error', () => {}).resume();
      stream.once('data', () => setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), streamLimitMs).unref());
      stream.once('close', () => {
        clearTimeout(limit);
        if (fault === 'internal') resolve(`gRPC status ${status}, internal`);
        // 2 is what gRPC gives an error that nobody made a status of.
        else if (status === '2') resolve('gRPC status 2');
        else if (httpStatus >= 500) resolve(`HTTP status ${httpStatus}`);
        else resolve(undefined);
      });
      stream.end(body);
    }),
    [Symbol.dispose]: () => session?.destroy(),
  };
}
