/** The gateway's one route that matters to payments: the notification as it came, and the answer that a fault becomes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from '@kiosk/fault';
import type { TestPayments } from '../testing.ts';

/** An address of YooKassa's list. */
export const pspAddress = '185.71.76.1';

export function notificationOf(event: string, object: object): { body: Buffer; sourceIp: string } {
  return { body: Buffer.from(JSON.stringify({ type: 'notification', event, object })), sourceIp: pspAddress };
}

export type Webhook = AsyncDisposable & { readonly url: string };

export async function startWebhook(service: () => TestPayments | undefined): Promise<Webhook> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bytesOf(request);
      try {
        const running = service();
        if (!running) throw new Fault({ kind: 'unavailable', reason: 'down', message: 'The service is down.' });
        await running.client.receiveNotification({ body, sourceIp: pspAddress });
        response.writeHead(200).end('OK');
      } catch (error) {
        response.writeHead(error instanceof Fault ? { forbidden: 403, invalid: 400 }[error.kind as string] ?? 503 : 503).end();
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/payments/webhook`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
