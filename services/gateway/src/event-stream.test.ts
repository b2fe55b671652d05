import { expect, test } from '@jest/globals';
import type { Response } from 'express';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { EventStream } from './event-stream.ts';

/** A stream on a real connection. The client reads what it is told to. */
async function open({ everyMs }: { everyMs: number }) {
  const leave = new AbortController();
  let opened: (stream: { stream: EventStream; response: ServerResponse }) => void;
  const opening = new Promise<{ stream: EventStream; response: ServerResponse }>((resolve) => { opened = resolve; });
  const server = createServer((_request, response) => {
    // What Express adds to a response.
    const express = Object.assign(response, {
      status: (code: number) => Object.assign(response, { statusCode: code }),
      set: (headers: Record<string, string>) => response.setHeaders(new Map(Object.entries(headers))),
    }) as unknown as Response;
    opened({ stream: new EventStream(express, { signal: leave.signal, everyMs }), response });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {}).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return {
    ...await opening, client, leave,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a stream says when to come back, tells events with their ids, and beats', async () => {
  await using connection = await open({ everyMs: 20 });
  let text = '';
  connection.client.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  await connection.stream.send({ event: 'payment', id: 'a.b.c', data: { note: 'two\nlines' } });
  connection.stream.comment('payments away');
  while (!text.includes('\n:\n')) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(text).toMatch(/\nretry: 1\d{3}\n\n/);
  expect(text).toContain('event: payment\nid: a.b.c\ndata: {"note":"two\\nlines"}\n\n');
  expect(text).toContain(': payments away\n\n');
  connection.stream[Symbol.dispose]();
});

test('a client that takes nothing makes the sender wait, and is cut off after a heartbeat or two', async () => {
  await using connection = await open({ everyMs: 50 });
  connection.client.pause();
  const sent = (async () => {
    for (let count = 0; count < 1000; count++) {
      if (connection.response.destroyed) return count;
      await connection.stream.send({ event: 'x', id: String(count), data: 'x'.repeat(100_000) });
    }
    return Infinity;
  })();
  await new Promise((resolve) => connection.response.once('close', resolve));
  connection.leave.abort();
  expect(await sent).toBeLessThan(200);
  expect(connection.response.destroyed).toBe(true);
  connection.stream[Symbol.dispose]();
});

test('a client that is slow, but reads, is kept', async () => {
  await using connection = await open({ everyMs: 40 });
  let bytes = 0;
  connection.client.on('data', (chunk: Buffer) => { bytes += chunk.length; });
  for (let count = 0; count < 20; count++) await connection.stream.send({ event: 'x', id: String(count), data: 'x'.repeat(100_000) });
  // Some heartbeats long.
  await new Promise((resolve) => setTimeout(resolve, 200));
  while (bytes <= 2_000_000 && !connection.response.destroyed) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(connection.response.destroyed).toBe(false);
  connection.stream[Symbol.dispose]();
});
