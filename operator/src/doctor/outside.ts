/** Questions to servers outside, each with a limit, and without following anywhere. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { codeOf } from './finding.ts';

const limitMs = 10_000;
const dayMs = 24 * 3_600_000;

export type Answer = { status: number; headers: Headers; body: unknown } | { problem: string };

/** `problem` is the code of what kept an answer away. */
export async function ask(url: string, { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { method, headers, body, redirect: 'manual', signal: AbortSignal.timeout(limitMs) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parseJson(text) };
  } catch (error) {
    return { problem: codeOf(error) };
  }
}

export function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** The addresses of a name; the code of the failure where there are none. */
export async function resolveName(host: string): Promise<{ addresses: string[] } | { problem: string }> {
  if (isIP(host)) return { addresses: [host] };
  try {
    return { addresses: (await lookup(host, { all: true })).map(({ address }) => address) };
  } catch (error) {
    return { problem: codeOf(error) };
  }
}

/** Shakes hands as the services do, and tells for how many days the certificate is still good. */
export function shakeHands({ host, port }: { host: string; port: number }): Promise<{ days: number } | { problem: string }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: isIP(host) ? undefined : host, minVersion: 'TLSv1.2', timeout: limitMs }, () => {
      const days = Math.floor((Date.parse(socket.getPeerCertificate().valid_to) - Date.now()) / dayMs);
      socket.destroy();
      resolve({ days });
    });
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'no answer' })));
    socket.once('error', (error) => resolve({ problem: codeOf(error) }));
  });
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
