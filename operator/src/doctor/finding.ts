/** What a check says, in one line for the operator, and what to do about it. */

export type Finding = { level: 'ok' | 'warn' | 'fail'; check: string; says: string; todo?: string };

/** The words of one check. */
export type Say = {
  ok: (says: string) => Finding;
  /** It works, and will not for long, or not as it should. */
  warn: (says: string, todo: string) => Finding;
  /** It does not work. */
  fail: (says: string, todo: string) => Finding;
};

export function about(check: string): Say {
  return {
    ok: (says) => ({ level: 'ok', check, says }),
    warn: (says, todo) => ({ level: 'warn', check, says, todo }),
    fail: (says, todo) => ({ level: 'fail', check, says, todo }),
  };
}

/** The system's or library's word for what went wrong, such as ECONNREFUSED: never a message, which may quote what was sent. */
export function codeOf(error: unknown): string {
  for (let each: unknown = error; typeof each === 'object' && each !== null; each = 'cause' in each ? each.cause : undefined) {
    if ('code' in each && typeof each.code === 'string') return each.code;
    if ('name' in each && each.name === 'TimeoutError') return 'no answer';
  }
  return 'failed';
}
