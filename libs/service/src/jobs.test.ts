import { expect, test } from '@jest/globals';
import { createLog, startJob } from './service.ts';

/** A job whose runs a test begins and ends; `begun` answers with the number of runs so far once there are as many. */
function startSteps({ intervalMs = 1, restMs = 0 }: { intervalMs?: number; restMs?: number } = {}) {
  const lines: string[] = [];
  const log = createLog({ service: 'sessions', level: 'info', destination: { write: (line) => lines.push(line) } });
  const runs: { signal: AbortSignal; end: () => void; fail: (error: Error) => void }[] = [];
  let atOnce = 0;
  let most = 0;
  let tell = (): void => {};
  const job = startJob({
    name: 'sweep', intervalMs, restMs, log,
    run: async (signal) => {
      most = Math.max(most, ++atOnce);
      try {
        await new Promise<void>((end, fail) => {
          runs.push({ signal, end, fail });
          tell();
        });
      } finally {
        atOnce--;
      }
    },
  });
  return {
    job, lines, runs,
    most: () => most,
    begun: async (count: number) => {
      while (runs.length < count) await new Promise<void>((resolve) => { tell = resolve; });
      return runs[count - 1]!;
    },
    [Symbol.asyncDispose]: async () => {
      const stopped = job[Symbol.asyncDispose]();
      for (const run of runs) run.end();
      await stopped;
    },
  };
}

/** Long enough for a run that must not begin to have begun. */
const soon = () => new Promise((resolve) => setTimeout(resolve, 30));

const never = 1_000_000;

test('a job runs at once and then again after each end', async () => {
  await using steps = startSteps();
  expect(steps.runs).toHaveLength(1);
  for (let i = 1; i < 4; i++) {
    (await steps.begun(i)).end();
    await steps.begun(i + 1);
  }
  expect(steps.most()).toBe(1);
});

test('a run that takes longer than the interval is not joined by another', async () => {
  await using steps = startSteps();
  await soon();
  expect(steps.runs).toHaveLength(1);
});

test('what a run throws is logged without its words, and the job goes on', async () => {
  await using steps = startSteps();
  steps.runs[0]!.fail(new Error('canary'));
  await steps.begun(2);
  expect(steps.lines).toHaveLength(1);
  expect(JSON.parse(steps.lines[0]!)).toMatchObject({ level: 'error', job: 'sweep', msg: 'a job failed; it is tried again', error: { name: 'Error' } });
  expect(steps.lines[0]).not.toContain('canary');
});

test('that another service is away for a moment is a warning', async () => {
  await using steps = startSteps();
  (await steps.begun(1)).fail(Object.assign(new Error('away'), { kind: 'unavailable', reason: 'payments_unavailable' }));
  await steps.begun(2);
  expect(JSON.parse(steps.lines[0]!)).toMatchObject({ level: 'warn', job: 'sweep', error: { reason: 'payments_unavailable' } });
});

test('a run that throws before its first await is a failed run, not a failed process', async () => {
  const lines: string[] = [];
  let runs = 0;
  let second = (): void => {};
  const again = new Promise<void>((resolve) => { second = resolve; });
  await using _job = startJob({
    name: 'sweep', intervalMs: 1, log: createLog({ service: 'sessions', level: 'info', destination: { write: (line) => lines.push(line) } }),
    run: () => {
      if (++runs === 2) second();
      throw new Error('at once');
    },
  });
  await again;
  expect(lines.length).toBeGreaterThan(0);
});

test('waking a job that waits runs it now', async () => {
  await using steps = startSteps({ intervalMs: never });
  steps.runs[0]!.end();
  await soon();
  expect(steps.runs).toHaveLength(1);
  steps.job.wake();
  await steps.begun(2);
});

test('waking a job that runs makes it look once more after the end, however often it was woken', async () => {
  await using steps = startSteps({ intervalMs: never });
  for (let i = 0; i < 5; i++) steps.job.wake();
  expect(steps.runs).toHaveLength(1);
  steps.runs[0]!.end();
  (await steps.begun(2)).end();
  await soon();
  expect(steps.runs).toHaveLength(2);
  expect(steps.most()).toBe(1);
});

test('a job that is woken without end rests between its runs all the same', async () => {
  await using steps = startSteps({ intervalMs: never, restMs: 50 });
  const restsMs: number[] = [];
  for (let run = 1; run <= 3; run++) {
    (await steps.begun(run)).end();
    const endedAt = performance.now();
    // During the run, and while it rests.
    steps.job.wake();
    await new Promise<void>((resolve) => { setImmediate(resolve); });
    for (let i = 0; i < 5; i++) steps.job.wake();
    await steps.begun(run + 1);
    restsMs.push(performance.now() - endedAt);
  }
  // A timer may be early by a little.
  expect(Math.min(...restsMs)).toBeGreaterThan(48);
});

test('a job that rests stops at once', async () => {
  await using steps = startSteps({ intervalMs: never, restMs: never });
  steps.runs[0]!.end();
  steps.job.wake();
  await soon();
  await steps.job[Symbol.asyncDispose]();
  expect(steps.runs).toHaveLength(1);
});

test('G5 stopping tells the run under way and waits for it, and nothing runs afterwards', async () => {
  const steps = startSteps();
  steps.job.wake();
  let stopped = false;
  const stop = steps.job[Symbol.asyncDispose]().then(() => { stopped = true; });
  expect(steps.runs[0]!.signal.aborted).toBe(true);
  await soon();
  expect(stopped).toBe(false);
  steps.runs[0]!.end();
  await stop;
  steps.job.wake();
  await soon();
  expect(steps.runs).toHaveLength(1);
});

test('G5 stopping a job that waits does not wait for its interval, and stopping twice does no harm', async () => {
  const steps = startSteps({ intervalMs: never });
  steps.runs[0]!.end();
  await soon();
  await Promise.all([steps.job[Symbol.asyncDispose](), steps.job[Symbol.asyncDispose]()]);
  expect(steps.runs).toHaveLength(1);
});

test('a run that is cut short by the stop is no failure', async () => {
  const steps = startSteps();
  const stop = steps.job[Symbol.asyncDispose]();
  steps.runs[0]!.fail(new Error('aborted'));
  await stop;
  expect(steps.lines).toEqual([]);
});

test('a run that wakes its own job leaves the process its turn', async () => {
  let turns = 0;
  const job = startJob({
    name: 'sweep', intervalMs: never, log: createLog({ service: 'sessions', level: 'silent' }),
    run: async () => {
      await Promise.resolve();
      if (++turns < 100) job.wake();
    },
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(turns).toBeLessThan(100);
  while (turns < 100) await soon();
  await job[Symbol.asyncDispose]();
});
