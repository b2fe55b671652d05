/** What somebody might send on purpose, or a broken program by accident. */
import type { Random } from './random.ts';

export const texts: readonly string[] = [
  '', ' ', '\0', '\u0001\u001f', '\r\nX-Injected: 1', '\u2028', '\u202e\u2066evil\u2069', '\ufeff', '\ufffd', '😀🏴‍☠️👩‍👩‍👧‍👦', 'ЁЖ'.repeat(20), 'é́́́', '\ud800', '<script>alert(1)</script>', '"; DROP TABLE sessions; --', '\' OR 1=1 --',
  '../../../../etc/passwd', '..%2f..%2f', '%00', '%s%s%n', '${7*7}', '{{7*7}}', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'undefined', 'NaN', 'true', '0', '-1', '1e400',
  'a@b', 'a@example.com', 'a@example.com\r\nBcc: b@example.com', `${'a'.repeat(250)}@example.com`, '+79001234567', '8 (900) 123-45-67', '+7', '00000000000000000000', '1970-01-01T00:00:00Z',
  '2026-02-30T00:00:00Z', '+275760-09-13T00:00:00Z', '-271821-04-19T23:59:59Z', '9999-12-31T23:59:59.999999999Z', 'P0301', 'p0301', 'XTA00000000000000', 'RUB', 'thickness', 'diagnostics',
  'ses_00000000000000000000000000', 'pay_00000000000000000000000000', 'rep_00000000000000000000000000', 'x'.repeat(10_000), '🚗'.repeat(3000), `a${'\u0301'.repeat(2000)}`,
];

export const numbers: readonly number[] = [
  0, -0, 1, -1, 0.1, 1.5, 1000, 35_000, 48_000, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e21, 1e300, 5e-324, 86_400_000, 253_402_300_799_999, 8.64e15,
];

export function value(random: Random, depth = 0): unknown {
  const kind = random.below(depth < 3 ? 9 : 6);
  if (kind < 3) return random.pick(texts);
  if (kind < 5) return random.pick(numbers);
  if (kind === 5) return random.pick([null, true, false]);
  if (kind === 6) return Array.from({ length: random.pick([0, 1, 2, 300]) }, () => (depth < 1 ? value(random, depth + 1) : 0));
  const names = Array.from({ length: random.below(4) }, () => random.pick(texts).slice(0, 60));
  return Object.fromEntries(names.map((name) => [name, value(random, depth + 1)]));
}

/** Takes bytes apart and puts them together in another way. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.pick([1, 1, 2, 8, 64]));
  switch (random.below(6)) {
    case 0: return bytes.subarray(0, at);
    case 1: return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 2: return Buffer.concat([bytes.subarray(0, at), random.bytes(random.pick([1, 2, 10])), bytes.subarray(at)]);
    case 3: return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 4: return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(texts)), bytes.subarray(to)]);
    default: {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[random.below(changed.length)]! ^= 1 << random.below(8);
      return changed;
    }
  }
}
