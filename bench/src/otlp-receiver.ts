/**
 * A live OTLP/HTTP receiver, as a process of its own (`otlp-receiver.ts`): it takes what is exported and counts the spans of requests by the subject that
 * sent them, so that a subject which drops spans under load is found out. It reads no more than it must, because it shares the cores with what is measured.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { start } from './processes.ts';

/** Bytes received and requests traced since the start, by subject. */
export type Received = Readonly<Record<string, { bytes: number; requests: number }>>;

export interface Receiver extends AsyncDisposable {
  /** The OTEL_EXPORTER_OTLP_ENDPOINT of a subject. */
  urlFor(subject: string): string;
  received(): Promise<Received>;
}

export async function startReceiver(): Promise<Receiver> {
  const program = await start({ file: new URL(import.meta.url) });
  const port = await program.ask('port') as number;
  return {
    urlFor: (subject) => `http://127.0.0.1:${port}/${encodeURIComponent(subject)}`,
    received: async () => await program.ask('received') as Received,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

if (import.meta.main) {
  /** The name of the span that each request of the kiosk begins with, as protobuf writes it: field 5 of a span, its length, its text. */
  const spanNames = ['POST /api/sessions', 'GET /api/sessions/:id', 'POST /api/payments/intent', 'GET /api/payments/status/:id']
    .map((name) => Buffer.concat([Buffer.from([0x2a, name.length]), Buffer.from(name)]));
  const received: Record<string, { bytes: number; requests: number }> = {};
  const count = (body: Buffer, name: Buffer): number => {
    let found = 0;
    for (let at = body.indexOf(name); at !== -1; at = body.indexOf(name, at + name.length)) found += 1;
    return found;
  };
  const server = createServer((request, response) => {
    const subject = decodeURIComponent(request.url?.split('/')[1] ?? '');
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const of = received[subject] ??= { bytes: 0, requests: 0 };
      of.bytes += body.length;
      for (const name of spanNames) of.requests += count(body, name);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.('ready'));
  process.on('message', (asked) => process.send?.(asked === 'port' ? (server.address() as AddressInfo).port : received));
  process.on('disconnect', () => process.exit());
}
