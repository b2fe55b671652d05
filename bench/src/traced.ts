/** Whether every request was traced: a subject that drops spans under load would look faster than it is. */
import type { HttpRow } from './http-bench.ts';
import type { Received } from './otlp-receiver.ts';

/** Longer than the SDK waits before it exports what is left. */
export const exportedWithinMs = 6000;

/** Requests of a subject whose trace arrived ÷ requests that it was sent, warm-ups included. */
export function tracedShare(name: string, rows: readonly HttpRow[], received: Received): number {
  const sent = Math.max(...rows.filter(({ subject }) => subject === name).flatMap(({ rounds }) => rounds).map(({ sentSoFar }) => sentSoFar));
  return (received[name]?.requests ?? 0) / sent;
}
