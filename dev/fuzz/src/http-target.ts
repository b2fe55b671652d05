/** Sends requests to the gateway over connections that it keeps, and says what is wrong with an answer. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import type { HttpCase } from './http-cases.ts';

const answerLimitMs = 30_000;

export interface HttpTarget extends Disposable {
  /** What is wrong; undefined where all is well. */
  send(request: HttpCase): Promise<string | undefined>;
  /** The same for bytes on a connection of their own. */
  sendRaw(bytes: Buffer): Promise<string | undefined>;
}

export function httpTarget(url: string): HttpTarget {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    send: ({ method, path, headers, body }) => new Promise((resolve) => {
      const sent = request({
        hostname, port, agent, method, path, timeout: answerLimitMs, headers: { ...headers, ...(body ? { 'content-length': body.length } : {}) },
      }, (response) => {
        const status = response.statusCode ?? 0;
        const type = response.headers['content-type'] ?? '';
        let text = '';
        response.setEncoding('utf8').on('error', () => {}).on('data', (part: string) => void (status >= 400 && (text += part)));
        response.once('close', () => resolve(judge({ status, isProblem: type.startsWith('application/problem+json'), isHead: method === 'HEAD', text })));
      });
      sent.once('timeout', () => sent.destroy(new Error('no answer')));
      sent.once('error', (error: NodeJS.ErrnoException) => {
        // The gateway answers a body that is too large, and closes, while the rest is still on its way.
        const mayBreak = (body?.length ?? 0) > 64 * 1024 && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        resolve(mayBreak ? undefined : `no answer: ${error.message}`);
      });
      sent.end(body);
    }),
    sendRaw: (bytes) => new Promise((resolve) => {
      const socket = connect({ host: hostname, port: Number(port) });
      let received = '';
      const timer = setTimeout(() => socket.destroy(), 300);
      socket.setEncoding('latin1').on('error', () => {}).on('data', (text) => void (received += String(text)));
      socket.once('close', () => {
        clearTimeout(timer);
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);
        resolve(received === '' || status < 500 ? undefined : `status ${status}`);
      });
      socket.end(bytes);
    }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function judge({ status, isProblem, isHead, text }: { status: number; isProblem: boolean; isHead: boolean; text: string }): string | undefined {
  // Promises, not accidents: what is not ready, and what this version does not serve.
  if (status >= 500 && !/"reason":"(not_ready|not_implemented)"/.test(text)) return `status ${status}: ${text}`;
  return status < 400 || isProblem || isHead ? undefined : `status ${status} without a problem document`;
}
