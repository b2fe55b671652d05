/** Liveness: the process answers. Readiness: every service behind it is ready. */
import { Fault } from '@kiosk/fault';
import { liveAnswer, readyAnswer } from './answers.ts';
import type { Peers } from './config.ts';
import { sendProblem } from './problem.ts';
import { route, type Route } from './route.ts';
import { together } from './together.ts';

const timeoutMs = 1500;

export function healthRoutes({ peers }: { peers: Peers }): Route[] {
  const checkAll = together(async () =>
    Object.fromEntries(await Promise.all(Object.entries(peers).map(async ([service, { metricsAddress }]) => [service, await check(metricsAddress)] as const))));
  return [
    route({
      method: 'get',
      path: '/health/live',
      name: 'getLiveness',
      summary: 'Whether this process answers.',
      roles: ['public'],
      urgency: 'vital',
      untimed: true,
      rate: 'none',
      answers: { 200: { description: 'It does', schema: liveAnswer } },
      handle: ({ response }) => {
        response.json({ status: 'ok' });
      },
    }),
    route({
      method: 'get',
      path: '/health/ready',
      name: 'getReadiness',
      summary: 'Whether every service behind it is ready.',
      roles: ['public'],
      urgency: 'vital',
      untimed: true,
      rate: 'none',
      answers: { 200: { description: 'All are', schema: readyAnswer } },
      faults: { 503: ['not_ready'] },
      async handle({ response }) {
        const checks = await checkAll();
        const missing = Object.keys(checks).filter((service) => checks[service] !== 'ok');
        if (missing.length === 0) response.json({ status: 'ok', checks });
        else sendProblem(response, new Fault({ kind: 'unavailable', reason: 'not_ready', message: `Not ready: ${missing.join(', ')}.` }), { checks });
      },
    }),
  ];
}

async function check(address: string): Promise<'ok' | 'not_ready' | 'unreachable'> {
  try {
    const answer = await fetch(`http://${address}/health/ready`, { signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.ok ? 'ok' : 'not_ready';
  } catch {
    return 'unreachable';
  }
}
