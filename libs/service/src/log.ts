// The log: one JSON object per line on standard output, or one readable line in a terminal. Fields are chosen, not redacted: only the names below are written,
// so personal data and secrets have no way in, whatever object somebody passes.
import { trace } from '@opentelemetry/api';
import { pino } from 'pino';
import { describeError } from './errors.ts';
import { prettyLine } from './pretty.ts';

/** Every field that a log line may have, besides time, level, service, msg, traceId, spanId and error. */
const fieldNames = [
  // whose
  'requestId', 'kioskId', 'actor', 'sessionId', 'intentId', 'refundId', 'reportId', 'deliveryId', 'notificationId',
  'pspPaymentId', 'pspRefundId',
  // what
  'event', 'type', 'status', 'previousStatus', 'kind', 'reason', 'provider', 'channel', 'job', 'check', 'anomaly', 'env', 'version', 'setting',
  // over the wire; a route is a pattern such as /api/sessions/:id, never an address with its query
  'method', 'route', 'httpStatus', 'grpcStatus', 'port', 'signal',
  // how much, how long
  'amountMinor', 'currency', 'count', 'attempt', 'bytes', 'pages', 'durationMs', 'delayMs', 'nextAttemptAt', 'retryAfterMs',
] as const;

/** A text may not be longer than this in a log line. */
const maxTextLength = 500;
const flushEveryMs = 200;
const flushAtBytes = 8192;

/** Ids, codes and numbers; `error` takes whatever was caught and writes what is safe of it. */
export type LogFields = Partial<Record<(typeof fieldNames)[number], string | number | boolean>> & { error?: unknown };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export type LogFormat = 'json' | 'pretty';

export interface Log {
  /** The operator must act. */
  error(fields: LogFields, message: string): void;
  /** Unusual, and dealt with. */
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  /** The same log with fields that each line repeats. */
  child(fields: LogFields): Log;
}

/**
 * A service's log. Lines are collected and written together every 200 ms or 8 KiB; disposing writes what is left.
 * The message must be a fixed sentence: what varies belongs in fields. `destination` replaces standard output.
 * Without a `format` it is pretty where standard output is a terminal, and json elsewhere.
 */
export function createLog({ service, level, format = process.stdout.isTTY ? 'pretty' : 'json', destination }: {
  service: string;
  level: LogLevel;
  format?: LogFormat;
  destination?: { write(line: string): void };
}): Log & AsyncDisposable {
  // As bytes: of texts it measures all that wait again for each line.
  const stdout = destination ? undefined : pino.destination({ dest: 1, sync: false, minLength: flushAtBytes, periodicFlush: flushEveryMs, contentMode: 'buffer' });
  const output = destination ?? { write: (line: string) => stdout!.write(Buffer.from(line) as unknown as string) };
  const logger = pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: activeTrace,
    },
    format === 'pretty' ? { write: (line: string) => output.write(`${prettyLine(line)}\n`) } : output,
  );
  return {
    ...over(logger, {}),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve, reject) => {
        if (stdout === undefined) resolve();
        else stdout.flush((error) => (error ? reject(error) : resolve()));
      }),
  };
}

function over(logger: pino.Logger, bound: Record<string, unknown>): Log {
  return {
    error: (fields, message) => logger.isLevelEnabled('error') && logger.error({ ...bound, ...choose(fields) }, message),
    warn: (fields, message) => logger.isLevelEnabled('warn') && logger.warn({ ...bound, ...choose(fields) }, message),
    info: (fields, message) => logger.isLevelEnabled('info') && logger.info({ ...bound, ...choose(fields) }, message),
    debug: (fields, message) => logger.isLevelEnabled('debug') && logger.debug({ ...bound, ...choose(fields) }, message),
    child: (fields) => over(logger, { ...bound, ...choose(fields) }),
  };
}

function choose(fields: LogFields): Record<string, unknown> {
  const chosen: Record<string, unknown> = {};
  for (const name of fieldNames) {
    const value: unknown = fields[name];
    if (typeof value === 'string') chosen[name] = value.slice(0, maxTextLength);
    else if (typeof value === 'number' || typeof value === 'boolean') chosen[name] = value;
  }
  if (fields.error !== undefined) chosen['error'] = describeError(fields.error);
  return chosen;
}

function activeTrace(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span && trace.isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : {};
}
