/** `npm start`: every service under one supervisor. With --dist it runs what `npm run build` made, with --psp against the pretend YooKassa, with --outbox against the pretend mail server and SMS gateway, with --one-process all services in one process. Exits 0 after SIGTERM or SIGINT, 1 if a service cannot start. */
import { SettingsError, prettyLine } from '@kiosk/service';
import { parseArgs, styleText } from 'node:util';
import { scheduleBackups } from './backups.ts';
import { rehearsals, type Rehearsal } from './rehearsal.ts';
import { isBuilt } from './services.ts';
import { checkPorts, readStackSettings, type StackSettings } from './settings.ts';
import { StartError, supervise } from './supervisor.ts';

const colours = { kiosk: 'bold', sessions: 'cyan', payments: 'green', reporting: 'magenta', gateway: 'yellow', psp: 'blue', outbox: 'blue', backup: 'gray', 'one-process': 'cyan' } as const;
const parentCheckMs = 500;
const widest = Math.max(...Object.keys(colours).map((name) => name.length));

function print(who: keyof typeof colours, line: string): void {
  process.stdout.write(`${styleText(colours[who], who.padEnd(widest), { stream: process.stdout })} | ${line}\n`);
}

function summary({ env, url, storagePath, outboxPath, paymentsProvider }: StackSettings, pretended: readonly Rehearsal[]): string {
  const page = Object.fromEntries(pretended.map(({ party, page: address }) => [party, address]));
  const delivery = outboxPath === undefined ? 'e-mail and SMS are really sent' : `outbox ${outboxPath}`;
  return [
    `ready at ${url}`,
    `environment ${env}`,
    `payments by ${page['psp'] === undefined ? paymentsProvider : `the pretend YooKassa, whose page is ${page['psp']}`}`,
    `storage ${storagePath}`,
    page['outbox'] === undefined ? delivery : `e-mail and SMS to a pretend mail server and SMS gateway, whose page is ${page['outbox']}`,
  ].join(', ');
}

/** npm passes a signal on to the shell between itself and this process, which dies of it and tells nobody: under npm, who loses that parent is to stop. */
function parentGone(): Promise<string> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    if (process.env['npm_lifecycle_event'] === undefined) return;
    setInterval(() => {
      if (process.ppid !== parent) resolve('npm has ended');
    }, parentCheckMs).unref();
  });
}

async function main(): Promise<number> {
  // For the pretend parties too, which keep what they were sent.
  process.umask(0o077);
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ options: { dist: { type: 'boolean', default: isBuilt }, psp: flag, outbox: flag, 'one-process': flag } });
  const signalled = new Promise<string>((resolve) => {
    // Under npm one Ctrl-C comes twice, from the terminal and from npm: only the first counts.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, resolve);
  });
  const stopRequest = Promise.race([signalled, parentGone()]);
  // Whoever reads the lines may go away; the services need not.
  process.stdout.on('error', () => {});

  const settings = await readStackSettings(process.env);
  await checkPorts(settings.listeners);
  const pretended = (['psp', 'outbox'] as const).filter((party) => values[party]).map((party) => rehearsals[party](process.env, settings));
  const isPretty = (settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty';
  // The services write into pipes: whoever has the terminal makes their lines pretty.
  const env = { ...process.env, ...Object.assign({}, ...pretended.map(({ services }) => services)) as NodeJS.ProcessEnv, LOG_FORMAT: 'json' };
  const onLine = (who: keyof typeof colours, line: string): void => print(who, isPretty ? prettyLine(line, { knownService: who }) : line);
  await using supervisor = supervise({ env, parties: pretended, oneProcess: values['one-process'], built: values.dist, onLine });
  const signal = await Promise.race([stopRequest, supervisor.ready]);
  if (signal === undefined) print('kiosk', summary(settings, pretended));
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
