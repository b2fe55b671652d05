import { randomFillSync } from 'node:crypto';

// Crockford's base 32: no I, L, O, U, and its ASCII order is its numeric order.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.toLowerCase();
const randomBytes = 13;
/** Random bytes for many ids: asking for a few costs as much as asking for many. */
const pool = new Uint8Array(256 * randomBytes);
let taken = pool.length;
const timeDigits = 10;
const latestMs = 32 ** timeDigits - 1;

const sequenceDigits = 3;
let latest = { ms: -1, sequence: 0 };

/**
 * A new id such as `ses_01hv3…`: `prefix`, 50 bits of time, 15 of a sequence within the millisecond and 65 random ones. Ids that one process makes sort in
 * the order they were made in; those of several sort by the millisecond.
 */
export function newId(prefix: string, nowMs: number): string {
  latest = { ms: nowMs, sequence: nowMs === latest.ms ? latest.sequence + 1 : 0 };
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  let tail = '';
  for (const end = taken + randomBytes; taken < end; taken++) tail += alphabet[pool[taken]! % 32];
  return idFloor(prefix, nowMs) + digits(latest.sequence, sequenceDigits) + tail;
}

/** The least id that can be made at `ms` or later: bounds a range of ids by time. */
export function idFloor(prefix: string, ms: number): string {
  return `${prefix}_${digits(Math.min(Math.max(0, Math.ceil(ms)), latestMs), timeDigits)}`;
}

/** The last `count` digits of a number, in base 32. */
function digits(value: number, count: number): string {
  let text = '';
  for (let rest = value, i = 0; i < count; i++, rest = Math.floor(rest / 32)) text = alphabet[rest % 32] + text;
  return text;
}
