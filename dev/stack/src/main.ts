/** `npm start`: every service under one supervisor. With --dist it runs what `npm run build` made, with --psp against the pretend YooKassa, with --one-process all services in one process. Exits 0 after SIGTERM or SIGINT, 1 if a service cannot start. */
import { SettingsError, prettyLine } from '@kiosk/service';
import { parseArgs, styleText } from 'node:util';
import { scheduleBackups } from './backups.ts';
import { rehearse } from './rehearsal.ts';
import { isBuilt } from './services.ts';
import { checkPorts, readStackSettings, type StackSettings } from './settings.ts';
import { StartError, supervise } from './supervisor.ts';

const colours = { kiosk: 'bold', sessions: 'cyan', payments: 'green', reporting: 'magenta', gateway: 'yellow', psp: 'blue', backup: 'gray', 'one-process': 'cyan' } as const;
const widest = Math.max(...Object.keys(colours).map((name) => name.length));

function print(who: keyof typeof colours, line: string): void {
  process.stdout.write(`${styleText(colours[who], who.padEnd(widest), { stream: process.stdout })} | ${line}\n`);
}

function summary({ env, url, storagePath, outboxPath, paymentsProvider }: StackSettings): string {
  return [
    `ready at ${url}`,
    `environment ${env}`,
    `payments by ${paymentsProvider}`,
    `storage ${storagePath}`,
    outboxPath === undefined ? 'e-mail and SMS are really sent' : `outbox ${outboxPath}`,
  ].join(', ');
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { dist: { type: 'boolean', default: isBuilt }, psp: { type: 'boolean', default: false }, 'one-process': { type: 'boolean', default: false } } });
  const stopRequest = new Promise<string>((resolve) => {
    // Under npm one Ctrl-C comes twice, from the terminal and from npm: only the first counts.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, resolve);
  });
  // Whoever reads the lines may go away; the services need not.
  process.stdout.on('error', () => {});

  const settings = await readStackSettings(process.env);
  await checkPorts(settings.listeners);
  const rehearsal = values.psp ? rehearse(process.env, settings) : undefined;
  const isPretty = (settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty';
  // The services write into pipes: whoever has the terminal makes their lines pretty.
  const env = { ...process.env, ...rehearsal?.services, LOG_FORMAT: 'json' };
  const onLine = (who: keyof typeof colours, line: string): void => print(who, isPretty ? prettyLine(line, { knownService: who }) : line);
  await using supervisor = supervise({ env, pspEnv: rehearsal?.psp, oneProcess: values['one-process'], built: values.dist, onLine });
  const signal = await Promise.race([stopRequest, supervisor.ready]);
  if (signal === undefined) print('kiosk', summary(rehearsal ? { ...settings, paymentsProvider: `the pretend YooKassa, whose page is ${rehearsal.page}` } : settings));
  const { backupIntervalMs: everyMs, storagePath } = settings;
  await using _backups = signal === undefined && everyMs > 0
    ? scheduleBackups({ everyMs, storagePath, env, built: values.dist, onLine: (line) => print('backup', line) }) : undefined;
  print('kiosk', `stopping: ${signal ?? await stopRequest}`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof SettingsError || error instanceof StartError || error instanceof TypeError && 'code' in error;
  for (const line of error instanceof SettingsError ? error.problems : [known ? error.message : error]) console.error('could not start:', line);
  process.exitCode = 1;
}
// Standard input, a half-closed pipe or a forgotten timer must not keep a stopped stack alive.
process.exit();
