/**
 * For the crash test: a process that takes two payments for one session, the second in place of the first, and kills itself before or after a step that
 * it is told. It tells its parent what it has acknowledged, line by line, in writes that the kill cannot take back.
 */
import { writeSync } from 'node:fs';
import type { Around } from './steps.ts';
import { create, request, standInSessions, startClock, startTestPayments } from './testing.ts';

export type Acknowledged = { first?: string; second?: string; due?: true; steps?: number };

/** What the parent repeats after the kill. */
export const sessionId = 'ses_crash';
export const requests = {
  first: request({ sessionId, idempotencyKey: 'first', amountMinor: 48_000 }),
  second: request({ sessionId, idempotencyKey: 'second', amountMinor: 32_000 }),
};

function acknowledge(what: Acknowledged): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

/** Counts from when it is armed: what the start does with an empty database is not worth a death. */
function killAt(step: number, when: 'before' | 'after'): { around: Around; arm(): void; readonly steps: number } {
  let steps = -Infinity;
  return {
    around: async (_, run) => {
      const current = steps++;
      if (current === step && when === 'before') process.kill(process.pid, 'SIGKILL');
      const answer = await run();
      if (current === step && when === 'after') process.kill(process.pid, 'SIGKILL');
      return answer;
    },
    arm: () => {
      steps = 0;
    },
    get steps() {
      return steps;
    },
  };
}

async function crash([folder, step, when]: string[]): Promise<void> {
  const clock = startClock();
  const sessions = standInSessions(clock);
  sessions.open({ id: sessionId });
  const killer = killAt(Number(step), when as 'before' | 'after');
  await using payments = await startTestPayments({ folder, clock, sessions, around: killer.around });
  killer.arm();
  acknowledge({ first: (await create(payments.client, requests.first)).id });
  acknowledge({ second: (await create(payments.client, requests.second)).id });
  clock.advance(2000);
  acknowledge({ due: true });
  await payments.work();
  acknowledge({ steps: killer.steps });
}

if (import.meta.main) await crash(process.argv.slice(2));
