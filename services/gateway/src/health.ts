/** Liveness: the process answers. Readiness: every service behind it is ready. */
import { Fault } from '@kiosk/fault';
import type { Peers } from './config.ts';
import { sendProblem } from './problem.ts';
import type { Route } from './routes.ts';

const timeoutMs = 1500;

export function healthRoutes({ peers }: { peers: Peers }): Route[] {
  return [
    {
      method: 'get',
      path: '/health/live',
      handle: (_request, response) => {
        response.json({ status: 'ok' });
      },
    },
    {
      method: 'get',
      path: '/health/ready',
      async handle(_request, response) {
        const checked = await Promise.all(Object.entries(peers).map(async ([service, { metricsAddress }]) => [service, await check(metricsAddress)] as const));
        const checks = Object.fromEntries(checked);
        const missing = Object.keys(checks).filter((service) => checks[service] !== 'ok');
        if (missing.length === 0) response.json({ status: 'ok', checks });
        else sendProblem(response, new Fault({ kind: 'unavailable', reason: 'not_ready', message: `Not ready: ${missing.join(', ')}.` }), { checks });
      },
    },
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
