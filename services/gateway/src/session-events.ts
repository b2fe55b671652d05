/** GET /api/sessions/:id/events: what becomes of a session, its payments, its reports and their deliveries, as it happens. */
import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import type { ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import type { SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { Fault } from '@kiosk/fault';
import type { Call, Rpc } from '@kiosk/rpc';
import { setTimeout as pause } from 'node:timers/promises';
import { deliveryEvent, intentAnswer, reportAnswer, sessionAnswer } from './answers.ts';
import { EventStream } from './event-stream.ts';
import type { Held } from './held.ts';
import { News, type Part, type Thing } from './news.ts';
import { intentJson } from './payment-json.ts';
import { reportJson } from './report-json.ts';
import { stopClock } from './request.ts';
import { route, type Route } from './route.ts';
import { jsonFor } from './session-json.ts';
import { sessionRef } from './sessions.ts';
import { present } from './wire.ts';

/** What stays open for longer may as well be forgotten by its client, which then comes back. */
const longestMs = 30 * 60_000;
/** Between two questions to a service that is away. */
const awayPauseMs = { least: 250, most: 5000 };

type Services = { sessions: Rpc<SessionsServer>; payments: Rpc<PaymentsServer>; reporting: Rpc<ReportingServer> };
type Watch = (sessionId: string, call: Call) => AsyncIterable<Thing[]>;

export function sessionEventRoutes({ held, ...services }: Services & { held: Held }): Route[] {
  const watches = watchesOf(services);
  return [route({
    method: 'get',
    path: '/api/sessions/:id/events',
    name: 'watchSession',
    summary: 'Tells what becomes of a session, its payments, reports and deliveries as Server-Sent Events: first each as it is now, then each change. Last-Event-ID resumes.',
    roles: ['kiosk', 'operator'],
    urgency: 'visit',
    untimed: true,
    ref: sessionRef,
    answers: {
      200: {
        description: 'Events, until the client leaves; the data of each is JSON',
        type: 'text/event-stream',
        events: { session: sessionAnswer, payment: intentAnswer, report: reportAnswer, delivery: deliveryEvent },
      },
    },
    faults: { 429: ['too_many_streams'] },
    async handle({ id: sessionId, request, response, call }) {
      // Whoever may not see the session, or finds nobody home, gets an answer instead of a stream (S3).
      await services.sessions.getSession({ sessionId }, call);
      if (request.method === 'HEAD') return void response.type('text/event-stream').end();
      const place = held.enter('events', call);
      stopClock(response);
      return async () => {
        using _place = place;
        using stream = new EventStream(response, place);
        const tooLong = setTimeout(() => place.end(), longestMs);
        const news = new News(request.get('last-event-id'));
        const forever = { ...call, deadlineAt: Infinity, signal: place.signal };
        try {
          await Promise.all(Object.entries(watches).map(([part, watch]) => follow(part as Part, { watch: () => watch(sessionId, forever), news, stream, place })));
        } finally {
          clearTimeout(tooLong);
          // One that fails in a way that nobody foresaw takes the others along.
          place.end();
        }
      };
    },
  })];
}

/** Tells a part's news until the place ends. A service that is away is asked again until it is back; its first state then says what was missed. */
async function follow(part: Part, { watch, news, stream, place }: {
  watch: () => AsyncIterable<Thing[]>; news: News; stream: EventStream; place: { signal: AbortSignal; end(): void };
}): Promise<void> {
  const { signal } = place;
  for (let pauseMs = awayPauseMs.least; !signal.aborted; pauseMs = Math.min(pauseMs * 2, awayPauseMs.most)) {
    try {
      for await (const state of watch()) {
        pauseMs = awayPauseMs.least;
        for (const event of news.of(part, state)) await stream.send(event);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // The session was erased: whoever comes back hears that it is not there.
      if (error.kind === 'not_found') place.end();
      else if (!signal.aborted) stream.comment(`${part} away (${error.reason}), asking again`);
    }
    await pause(pauseMs, undefined, { signal }).catch(() => {});
  }
}

function watchesOf({ sessions, payments, reporting }: Services): Record<Part, Watch> {
  return {
    sessions: (sessionId, call) => each(sessions.watchSession({ sessionId }, call), ({ session }) => [{ event: 'session', key: sessionId, data: jsonFor(call.caller)(present(session)) }]),
    payments: (sessionId, call) => each(payments.watchSessionIntents({ sessionId }, call), ({ intents }) =>
      intents.map((intent) => ({ event: 'payment', key: intent.id, data: intentJson(intent) }))),
    reporting: (sessionId, call) => each(reporting.watchSessionReports({ sessionId }, call), ({ reports }) => reports.map(reportJson).flatMap((report) => [
      // A report's own event is for what the report itself is; its deliveries have theirs.
      { event: 'report', key: report.reportId, data: report, digested: { ...report, deliveries: [] } },
      ...report.deliveries.map((delivery) => ({ event: 'delivery', key: delivery.deliveryId, data: { reportId: report.reportId, ...delivery } })),
    ])),
  };
}

async function* each<Message>(messages: AsyncIterable<Message>, translate: (message: Message) => Thing[]): AsyncGenerator<Thing[], void> {
  for await (const message of messages) yield translate(message);
}
