/** One call on the server, by whichever lane it came: its span, its observation, what becomes of an error. */
import { status, type Metadata } from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import { context, trace, type Context } from '@opentelemetry/api';
import type { Call } from './call.ts';
import type { ServerOptions } from './server.ts';
import { endSpan, startServerSpan } from './spans.ts';
import { statusOf } from './status.ts';

export type Answer = (request: unknown, call: Call) => Promise<unknown>;
export type Duties = Pick<ServerOptions, 'tracer' | 'observe' | 'onError'>;

/** A caller that named no deadline is not waited for longer than this. */
export const longestCallMs = 60_000;

export type Outcome = { ok: true; response: unknown } | { ok: false; status: { code: status; details: string; metadata: Metadata } };

/** `call.signal` is to be aborted when the caller has left; who has left hears nothing of the outcome. Never rejects. */
export async function handle(method: string, run: Answer, request: unknown, call: Call, parent: Context, { tracer, observe, onError }: Duties): Promise<Outcome> {
  const startedAt = performance.now();
  const span = startServerSpan(tracer, method, parent);
  const finish = (reached: status): void => {
    // Nobody hears an answer that comes after the caller has left.
    const code = status[call.signal.aborted ? status.CANCELLED : reached];
    observe({ side: 'server', method, requestId: call.requestId, code, seconds: (performance.now() - startedAt) / 1000 });
    endSpan(span, code);
  };
  try {
    // Async, so that what `run` throws before its first await is a rejection too.
    const response = await context.with(trace.setSpan(context.active(), span), async () => run(request, call));
    finish(status.OK);
    return { ok: true, response };
  } catch (error) {
    if (!(error instanceof Fault)) onError(error, { method, requestId: call.requestId });
    const failed = statusOf(error);
    finish(failed.code);
    return { ok: false, status: failed };
  }
}
