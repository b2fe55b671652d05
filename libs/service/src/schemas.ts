// The kinds of value that settings have. The environment holds text, the settings file holds JSON of the right type: each
// schema takes both. A refusal is a sentence that continues "<NAME> must be …"; it never repeats the value, which may be secret.
import { z } from 'zod';

/** The longest delay that setTimeout takes, in milliseconds (24.8 days). */
const longestDelayMs = 2_147_483_647;

/** What a setting may be in the settings file, as JSON Schema: for editors, and for the schema file that they read. */
type InFile = Readonly<Record<string, unknown>>;

/** A schema from a function that answers undefined for what it refuses. */
function from<T>(sentence: string, parse: (value: unknown) => T | undefined, inFile: InFile = {}) {
  return z.unknown().transform((value, context): T => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: sentence });
    return z.NEVER;
  }).meta(inFile);
}

function line(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const trimmed = value.trim();
  // Line breaks and other control characters would let one setting write into headers and log lines.
  // oxlint-disable-next-line no-control-regex
  return trimmed === '' || /[\u0000-\u001f\u007f]/.test(trimmed) ? undefined : trimmed;
}

function httpUrl(value: unknown): string | undefined {
  const text = line(value);
  const parsed = text === undefined ? null : URL.parse(text);
  return parsed !== null && /^https?:$/.test(parsed.protocol) ? text : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function integer({ min, max }: { min: number; max: number }) {
  return from(`must be a whole number from ${min} to ${max}`, (value) => {
    const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value.trim()) ? Number(value) : value;
    return Number.isSafeInteger(number) && Number(number) >= min && Number(number) <= max ? Number(number) : undefined;
  }, { type: 'integer', minimum: min, maximum: max });
}

function oneOf<const T extends string>(...values: T[]) {
  return from(`must be one of ${values.join(', ')}`, (value) => values.find((known) => known === value), { enum: values });
}

export const setting = {
  /** A TCP port; 0 lets the system choose one. */
  port: integer({ min: 0, max: 65_535 }),
  /** Milliseconds, whole, from 0 to the longest delay of a timer. */
  durationMs: integer({ min: 0, max: longestDelayMs }),
  /** A whole number within limits, both included. */
  integer,
  /** true, false, 1 or 0. */
  flag: from('must be true or false', (value) => {
    if (value === true || value === 'true' || value === '1') return true;
    return value === false || value === 'false' || value === '0' ? false : undefined;
  }, { type: 'boolean' }),
  /** One line of text that is not empty, without blanks at its ends. */
  text: from('must be one line of text', line, { type: 'string', minLength: 1 }),
  /** An http or https address, kept as it was written. */
  url: from('must be an http or https address', httpUrl, { type: 'string', pattern: '^https?://' }),
  /** Texts separated by commas, or an array of texts; blanks and empty entries are dropped. */
  list: from('must be a list separated by commas', (value) => {
    const entries: unknown = typeof value === 'string' ? value.split(',') : value;
    if (!Array.isArray(entries) || !entries.every((entry) => typeof entry === 'string')) return undefined;
    return entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
  }, { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }),
  /** One of the values named, in the same letter case. */
  oneOf,
  /** A JSON value of the given shape: an object in the settings file, JSON text in the environment. */
  json: <S extends z.ZodType>(schema: S) =>
    from('must be JSON', (value) => (typeof value === 'string' ? parseJson(value) : value)).pipe(schema),
};
