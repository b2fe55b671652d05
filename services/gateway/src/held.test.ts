import { expect, test } from '@jest/globals';
import { newCall } from '@kiosk/rpc';
import { createMetrics } from '@kiosk/service';
import { Held } from './held.ts';

const metrics = () => createMetrics({ service: 'gateway' });
const kiosk = (name: string, signal?: AbortSignal) => newCall({ caller: { role: 'kiosk', name }, ...(signal ? { signal } : {}) });

test('one caller has its share, and its places are free again once they are left', () => {
  const held = new Held({ most: 10, mostPerCaller: 2, metrics: metrics() });
  const places = [held.enter('events', kiosk('k-1')), held.enter('wait', kiosk('k-1'))];
  expect(held.isFull(kiosk('k-1'))).toBe(true);
  expect(() => held.enter('events', kiosk('k-1'))).toThrow(expect.objectContaining({ kind: 'exhausted', reason: 'too_many_streams', retryAfterMs: 5000 }));
  expect(held.isFull(kiosk('k-2'))).toBe(false);
  places[0]![Symbol.dispose]();
  // Left twice is left once.
  places[0]![Symbol.dispose]();
  held.enter('events', kiosk('k-1'));
  expect(held.isFull(kiosk('k-1'))).toBe(true);
});

test('G4 where all places are taken nobody gets one, whoever asks', () => {
  const held = new Held({ most: 2, mostPerCaller: 2, metrics: metrics() });
  held.enter('events', kiosk('k-1'));
  held.enter('events', kiosk('k-2'));
  expect(() => held.enter('events', kiosk('k-3'))).toThrow(expect.objectContaining({ kind: 'unavailable', reason: 'overloaded' }));
});

test('a place ends when its client leaves, and all end when the gateway stops', () => {
  const held = new Held({ most: 9, mostPerCaller: 9, metrics: metrics() });
  const leaving = new AbortController();
  const [left, stays, gone] = [held.enter('events', kiosk('k-1', leaving.signal)), held.enter('wait', kiosk('k-1')), held.enter('wait', kiosk('k-1', AbortSignal.abort()))];
  leaving.abort();
  expect([left, stays, gone].map(({ signal }) => signal.aborted)).toEqual([true, false, true]);
  held[Symbol.dispose]();
  expect(stays.signal.aborted).toBe(true);
  expect(() => held.enter('events', kiosk('k-2'))).toThrow(expect.objectContaining({ reason: 'overloaded' }));
});

test('the gauge says how many there are of each kind', async () => {
  const registry = metrics();
  const held = new Held({ most: 9, mostPerCaller: 9, metrics: registry });
  const place = held.enter('events', kiosk('k-1'));
  held.enter('wait', kiosk('k-1'));
  const lines = async () => (await registry.registry.metrics()).match(/^http_streams_open.*$/gm);
  expect(await lines()).toEqual(['http_streams_open{kind="events",service="gateway"} 1', 'http_streams_open{kind="wait",service="gateway"} 1']);
  place[Symbol.dispose]();
  expect((await lines())![0]).toBe('http_streams_open{kind="events",service="gateway"} 0');
});
