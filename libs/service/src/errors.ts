// What may be told of an error outside the process's memory. Messages of foreign errors quote their input (a JSON parser
// its text, a mail server the recipient), so only a Fault's own message, written for others to read, is passed on.

/** An error with a machine-readable reason, such as a Fault. Recognised by shape: this library imports nothing of ours. */
interface Reasoned {
  kind: string;
  reason: string;
  message: string;
}

export interface ErrorDescription {
  name: string;
  /** A system or library code, such as ECONNREFUSED. */
  code?: string | number;
  kind?: string;
  reason?: string;
  message?: string;
  /** Where it happened: the frames without the message above them. */
  stack?: string;
  cause?: ErrorDescription;
}

const identifier = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const deepestCause = 3;

/** The parts of an error that are safe to write down. */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error) && !hasStack(error)) return { name: error === null ? 'null' : typeof error };
  const code: unknown = Reflect.get(error, 'code');
  return {
    name: identifier.test(error.name) ? error.name : 'Error',
    ...(typeof code === 'number' || (typeof code === 'string' && identifier.test(code)) ? { code } : {}),
    ...(isReasoned(error) ? { kind: error.kind, reason: error.reason, message: error.message } : {}),
    stack: frames(error),
    ...(error.cause !== undefined && depth < deepestCause ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

/** One word for an error: a Fault's reason, otherwise the error's name. */
export function errorWord(error: unknown): string {
  if (isReasoned(error)) return error.reason;
  return describeError(error).name;
}

function isReasoned(error: unknown): error is Reasoned {
  if (!(error instanceof Error) && !hasStack(error)) return false;
  const { kind, reason } = error as Partial<Reasoned>;
  return typeof kind === 'string' && typeof reason === 'string' && identifier.test(kind) && identifier.test(reason);
}

// Errors of another realm (a worker, a test's sandbox) are not instances of this realm's Error.
function hasStack(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && 'stack' in error && 'name' in error && typeof error.name === 'string';
}

function frames({ stack, message }: Error): string | undefined {
  if (typeof stack !== 'string') return undefined;
  // The message goes first, whole: one with line breaks could look like a frame.
  const start = message === '' ? -1 : stack.indexOf(message);
  return stack
    .slice(start === -1 ? 0 : start + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .join('\n');
}
