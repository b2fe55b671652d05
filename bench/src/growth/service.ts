/**
 * One service of a kiosk over a history: `service.ts <name> <the history's end, epoch ms> <its length in ms>`. Its clock begins where the history ends, and what it
 * keeps is what the history has. Over IPC it is asked to do one of its jobs, some time later, and says how long that took and how long it stood still for.
 */
import type { Running } from '@kiosk/service';
import { watchStalls, type Stalls } from '../stalls.ts';
import { kept } from './kept.ts';

export type Job = { job: string; /** How much later than now by the service's clock; it stays so. */ laterMs: number };
export type JobResult = Stalls & { tookMs: number; /** Why it did not end. */ failed?: string };

const [name, end, length] = process.argv.slice(2);
const spanMs = Number(length);
let offsetMs = Number(end) - Date.now();
const now = (): number => Date.now() + offsetMs;
const within = (ms: number): number => Math.min(ms, spanMs);

type Started = { service: Running; jobs: Record<string, () => Promise<void>> };

/** Each process loads its own service only. */
const starts: Record<string, () => Promise<Started>> = {
  async sessions() {
    const { readConfig } = await import('../../../services/sessions/src/config.ts');
    const { startSessions } = await import('../../../services/sessions/src/service.ts');
    const config = { ...readConfig(), retentionMs: spanMs, completedRetentionMs: spanMs, contactRetentionMs: within(kept.contactMs), auditRetentionMs: within(kept.auditMs) };
    const service = await startSessions({ config, now });
    return { service, jobs: { sweep: () => service.sweep(), retention: () => service.retain() } };
  },
  async payments() {
    const { readConfig } = await import('../../../services/payments/src/config.ts');
    const { startPayments } = await import('../../../services/payments/src/service.ts');
    const config = { ...readConfig(), customerRetentionMs: within(kept.customerMs), notificationRetentionMs: within(kept.auditMs), auditRetentionMs: within(kept.auditMs) };
    const service = await startPayments({ config, now });
    return { service, jobs: { sweep: () => service.work(), retention: () => service.forget() } };
  },
  async reporting() {
    const { readConfig } = await import('../../../services/reporting/src/config.ts');
    const { startReporting } = await import('../../../services/reporting/src/service.ts');
    const config = { ...readConfig(), reportRetentionMs: within(kept.reportMs), contactRetentionMs: within(kept.recipientMs), auditRetentionMs: within(kept.auditMs) };
    const service = await startReporting({ config, now });
    return { service, jobs: { sweep: () => service.sweep(), retention: () => service.forget() } };
  },
};

const { service, jobs } = await starts[name ?? '']!();

async function run({ job, laterMs }: Job): Promise<JobResult> {
  offsetMs += laterMs;
  const stalls = watchStalls();
  const startedAt = performance.now();
  const failed = await jobs[job]!().then(() => undefined, (error: unknown) => String(error));
  const tookMs = performance.now() - startedAt;
  await new Promise((resolve) => setTimeout(resolve, 20));
  return { tookMs, ...stalls.stop(), failed };
}

process.on('message', (message: Job) => void run(message).then((result) => process.send?.(result)));
process.on('disconnect', () => void service[Symbol.asyncDispose]().then(() => process.exit()));
process.send?.('ready');
