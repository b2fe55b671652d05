import { randomFillSync } from 'node:crypto';

// Crockford's base 32: no I, L, O, U, and its ASCII order is its numeric order.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.toLowerCase();
const random = new Uint8Array(16);
const timeDigits = 10;
const latestMs = 32 ** timeDigits - 1;

/** A new id such as `ses_01hv3…`: `prefix`, 50 bits of time and 80 random bits, so that ids sort by the millisecond they were made in. */
export function newId(prefix: string, nowMs: number): string {
  randomFillSync(random);
  let tail = '';
  for (const byte of random) tail += alphabet[byte % 32];
  return idFloor(prefix, nowMs) + tail;
}

/** The least id that can be made at `ms` or later: bounds a range of ids by time. */
export function idFloor(prefix: string, ms: number): string {
  let time = '';
  for (let rest = Math.min(Math.max(0, Math.ceil(ms)), latestMs), i = 0; i < timeDigits; i++, rest = Math.floor(rest / 32)) time = alphabet[rest % 32] + time;
  return `${prefix}_${time}`;
}
