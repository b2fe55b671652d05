/**
 * The operator's commands, against the running service: `npm run reconcile -- --day 2026-11-20` (or `--since`, to today) and `npm run anomalies`.
 * They exit 0 when nothing differs, 1 when something does, 2 when the service could not say.
 */
import { descriptors } from '@kiosk/contracts/descriptors';
import { PaymentsService, type Difference, type PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { Fault } from '@kiosk/fault';
import { connect, newCall } from '@kiosk/rpc';
import { SettingsError } from '@kiosk/service';
import { ProxyTracerProvider } from '@opentelemetry/api';
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { readConfig } from './config.ts';

/** A day with thousands of payments takes many pages of the PSP's list. */
const timeoutMs = 300_000;
const moscowOffsetMs = 3 * 3_600_000;
const dayMs = 24 * 3_600_000;

async function main(): Promise<number> {
  const { positionals: [command], values } = parseArgs({ allowPositionals: true, options: { day: { type: 'string' }, since: { type: 'string' }, limit: { type: 'string' } } });
  const { address, tls } = readConfig();
  await using payments = connect<PaymentsServer>({
    definition: PaymentsService, address, peer: 'payments', tls, descriptors, tracer: new ProxyTracerProvider().getTracer('command'), observe: () => {}, timeoutMs,
  });
  const call = newCall({ caller: { role: 'operator', name: userInfo().username }, deadlineAt: Date.now() + timeoutMs });
  switch (command) {
    case 'reconcile': {
      let differences = 0;
      for (const day of values.since === undefined ? [values.day ?? ''] : daysSince(values.since)) {
        const result = await payments.reconcile({ day }, call);
        console.log(`${result.day}: payments ${result.pspPayments} at the PSP, ${result.ourPayments} here; refunds ${result.pspRefunds} and ${result.ourRefunds}; ${result.repaired} brought up to date`);
        for (const difference of result.differences) console.log(line(difference));
        differences += result.differences.length;
      }
      return differences > 0 ? 1 : 0;
    }
    case 'anomalies': {
      const { anomalies } = await payments.listAnomalies({ limit: Number(values.limit ?? 50) }, call);
      for (const { kind, objectId, intentId, lastAt, seen, detailsJson } of anomalies) {
        console.log(`${lastAt?.toISOString()}  ${kind}  ${objectId}  ${intentId ?? '-'}  seen ${seen}  ${detailsJson}`);
      }
      if (anomalies.length === 0) console.log('nothing wants the operator');
      return anomalies.length > 0 ? 1 : 0;
    }
    default:
      console.error('usage: command.ts reconcile [--day YYYY-MM-DD | --since YYYY-MM-DD or a time] | anomalies [--limit N]');
      return 2;
  }
}

/** Every day of Moscow from that time to now, as the PSP counts them. Fails with a TypeError. */
function daysSince(since: string): string[] {
  const from = Date.parse(since);
  if (Number.isNaN(from) || from > Date.now()) throw new TypeError('--since must be a day such as 2026-11-20, or a time such as 2026-11-20T09:30:00Z, in the past');
  const moscow = (time: number): number => Math.floor((time + moscowOffsetMs) / dayMs);
  return Array.from({ length: moscow(Date.now()) - moscow(from) + 1 }, (_, index) => new Date((moscow(from) + index) * dayMs).toISOString().slice(0, 10));
}

function line({ kind, object, pspId, ourId, pspAmountMinor, ourAmountMinor }: Difference): string {
  return `${kind}  ${object}  ${pspId}  ours ${ourId ?? '-'}  there ${pspAmountMinor ?? '-'}  here ${ourAmountMinor ?? '-'} (minor units)`;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Fault || error instanceof SettingsError || error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
