/** Which TCP ports are free. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Listens for a moment. Answers undefined if that works, otherwise the system's word: EADDRINUSE, EACCES, EADDRNOTAVAIL. */
export async function whyNotFree({ host, port }: { host: string; port: number }): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code ?? 'unknown');
  }
  server.close();
  await once(server, 'close');
  return undefined;
}

// Below the range that Linux gives to outgoing connections, so that none of those takes a port before its owner listens on it.
const lowest = 10_000;
const highest = 32_000;

/** Ports on loopback that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (!found.has(port) && await whyNotFree({ host: '127.0.0.1', port }) === undefined) found.add(port);
  }
  return [...found];
}
