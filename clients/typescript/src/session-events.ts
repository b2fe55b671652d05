/**
 * What becomes of a session, as it happens: Server-Sent Events over fetch, because a browser's EventSource cannot send a key. A stream that breaks is begun
 * again where it was, by the id of the last event that was given.
 */
import { watchSessionPath, type WatchSessionEvents } from './api.ts';
import { errorOf, pauseAfter, ProblemError } from './problem.ts';

type Events = WatchSessionEvents;
export type SessionEvent = { [Name in keyof Events]: { event: Name; id: string; data: Events[Name] } }[keyof Events];

export type WatchInput = { id: string; /** Of an event that was given before: what has not changed since is not told again. */ lastEventId?: string };

const usualPauseMs = 1000;
const longestPauseMs = 10_000;
/** Three heartbeats: nobody is there any more. */
const silenceMs = 45_000;

/** Ends when the loop is left or the signal aborts. Fails with a ProblemError for a refusal that waiting does not mend, such as a session that is not there. */
export async function* watchSession(
  { id, lastEventId }: WatchInput, { url, key, signal, fetch, pause }: { url: string; key?: string; signal?: AbortSignal; fetch: typeof globalThis.fetch; pause: (ms: number) => Promise<void> },
): AsyncGenerator<SessionEvent, void> {
  const address = new URL(watchSessionPath.replace('{id}', encodeURIComponent(id)), url);
  let last = lastEventId;
  let retryMs = usualPauseMs;
  for (let failures = 0; !signal?.aborted;) {
    const line = lineOf(signal);
    let pauseMs = retryMs * 2 ** failures;
    try {
      const response = await fetch(address, {
        headers: {
          accept: 'text/event-stream', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...(last === undefined ? {} : { 'last-event-id': last }),
        },
        signal: line.signal,
      });
      if (!response.ok) throw await errorOf(response);
      for await (const fields of fieldsOf(response.body!, () => line.heard())) {
        failures = 0;
        if (fields.retry !== undefined) retryMs = Number(fields.retry);
        if (fields.event === undefined || fields.id === undefined || fields.data === undefined) continue;
        last = fields.id;
        yield { event: fields.event, id: fields.id, data: JSON.parse(fields.data) as unknown } as SessionEvent;
      }
      pauseMs = retryMs;
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ProblemError) {
        const wanted = pauseAfter(error, pauseMs);
        if (wanted === undefined) throw error;
        pauseMs = wanted;
      }
      failures++;
    } finally {
      // The loop may be left in the middle of a stream.
      line.leave();
    }
    await pause(Math.min(pauseMs, longestPauseMs));
  }
}

type Fields = { event?: string; id?: string; data?: string; retry?: string };

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, less what this service never writes (a byte order mark, a lone CR). */
async function* fieldsOf(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<Fields, void> {
  const decoder = new TextDecoder();
  let text = '';
  let fields: Fields = {};
  // Not every browser can loop over a stream.
  const reader = body.getReader();
  for (;;) {
    const { done, value: chunk } = await reader.read();
    if (done) return;
    heard();
    const lines = (text + decoder.decode(chunk, { stream: true })).split('\n');
    text = lines.pop()!;
    for (const line of lines.map((each) => each.replace(/\r$/, ''))) {
      if (line === '') {
        yield fields;
        fields = {};
        continue;
      }
      const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (name === 'data' && fields.data !== undefined) fields.data += `\n${value}`;
      else if (name === 'event' || name === 'id' || name === 'data' || name === 'retry') fields[name] = value;
    }
  }
}

/** One connection: its signal aborts with the given one, when nothing has been heard for too long, and when it is left. */
function lineOf(signal: AbortSignal | undefined): { signal: AbortSignal; heard: () => void; leave: () => void } {
  const line = new AbortController();
  const abort = (): void => line.abort();
  signal?.addEventListener('abort', abort, { once: true });
  let timer = setTimeout(abort, silenceMs);
  return {
    signal: line.signal,
    heard() {
      clearTimeout(timer);
      timer = setTimeout(abort, silenceMs);
    },
    leave() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      abort();
    },
  };
}
