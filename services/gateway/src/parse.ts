/** Zod's refusals as a Fault. They name fields and rules, never what was sent. */
import { Fault, type FieldError } from '@kiosk/fault';
import type { z } from 'zod';

const mostErrors = 20;

/** Fails with `invalid_request`. */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap(errorsOf).slice(0, mostErrors);
  throw new Fault({ kind: 'invalid', reason: 'invalid_request', message: 'The request has fields that break a rule.', errors });
}

function errorsOf(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: pathOf(issue.path), message: issue.message }];
  return issue.keys.map((key) => {
    // A name that is no name may be a value in the wrong place.
    const isName = /^[a-z_][\w-]{0,39}$/i.test(key) && !/\d{6}/.test(key);
    return { path: pathOf(isName ? [...issue.path, key] : issue.path), message: isName ? 'Unknown field' : 'An unknown field' };
  });
}

/** `data.dtcCodes[0].code`: as the caller would write it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('');
}
