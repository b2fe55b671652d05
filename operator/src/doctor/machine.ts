/** The machine: Node, ports, disk, fonts. */
import { whyNotFree } from '@kiosk/stack/ports';
import type { Listener } from '@kiosk/stack/settings';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sized } from '../words.ts';
import { about, codeOf, type Finding } from './finding.ts';
import { ask } from './outside.ts';
import type { Values } from './settings.ts';

const nodeMajor = 24;
const lowDiskBytes = 1024 ** 3;
const fullDiskBytes = 100 * 1024 ** 2;
const fontFiles = ['400Regular/Roboto_400Regular.ttf', '500Medium/Roboto_500Medium.ttf', '700Bold/Roboto_700Bold.ttf'];
const reporting = join(import.meta.dirname, '../../../services/reporting/package.json');

export function checkNode(version = process.versions.node): Finding {
  const { ok, fail } = about('node');
  return Number(version.split('.')[0]) >= nodeMajor ? ok(`Node ${version}`) : fail(`Node ${version} is too old`, `start with npm, which uses the Node ${nodeMajor} that came with the dependencies (npm ci)`);
}

/** Free, or held by the services themselves. */
export async function checkPorts(listeners: readonly Listener[], values: Values): Promise<Finding[]> {
  const { ok, fail } = about('ports');
  const findings: Finding[] = [];
  const free: number[] = [];
  const ours: number[] = [];
  const owners = new Map<number, string>();
  for (const { setting, host, port } of listeners) {
    const owner = port === 0 ? undefined : owners.get(port);
    owners.set(port, setting);
    if (owner !== undefined) {
      findings.push(fail(`${owner} and ${setting} are both ${port}`, `set ${setting} to another port`));
      continue;
    }
    const why = await whyNotFree({ host, port });
    if (why === undefined) free.push(port);
    else if (why === 'EADDRINUSE' && await isOurs({ setting, host, port }, listeners, values)) ours.push(port);
    else if (why === 'EADDRINUSE') findings.push(fail(`${port} (${setting}) is held by something that is no kiosk service`, `find it: ss -ltnp 'sport = :${port}'; stop it, or set ${setting}`));
    else if (why === 'EACCES') findings.push(fail(`${port} (${setting}) may not be opened by this user`, `set ${setting} to a port above 1023, and put a proxy in front`));
    else findings.push(fail(`${host}:${port} (${setting}) cannot be opened: ${why}`, `set ${setting}, or its host to an address of this machine (ip addr)`));
  }
  if (ours.length > 0) findings.push(ok(`held by the running services: ${ours.join(', ')}`));
  if (free.length > 0) findings.push(ok(`free: ${free.join(', ')}`));
  return findings;
}

/** A gRPC port is its service's if the metrics port beside it is. */
async function isOurs({ setting, host, port }: Listener, listeners: readonly Listener[], values: Values): Promise<boolean> {
  if (setting === 'PORT') return await isGateway({ host, port, values });
  const metrics = listeners.find((each) => each.setting === setting.replace('GRPC', 'METRICS'));
  if (metrics === undefined) return false;
  const answer = await ask(`http://${urlHost(metrics.host)}:${metrics.port}/health/live`);
  return 'status' in answer && answer.status === 200 && (answer.body as { status?: string } | undefined)?.status === 'ok';
}

async function isGateway({ host, port, values }: { host: string; port: number; values: Values }): Promise<boolean> {
  return await gatewayStatus({ host, port, values, path: '/health/live' }) === 200;
}

export async function checkReadiness(listeners: readonly Listener[], values: Values): Promise<Finding> {
  const { ok, warn, fail } = about('services');
  const gateway = listeners.find(({ setting }) => setting === 'PORT')!;
  const status = await gatewayStatus({ ...gateway, values, path: '/health/ready' });
  if (status === undefined) return warn('not running', 'start them: npm start');
  return status === 200 ? ok('running, and all of them answer') : fail('running, but not all of them answer', 'GET /health/ready names who is missing; its own lines in the log say why');
}

/** Also of one that speaks HTTPS, under whatever name its certificate has. */
function gatewayStatus({ host, port, values, path }: { host: string; port: number; values: Values; path: string }): Promise<number | undefined> {
  if (!values.isSet('HTTPS_CERT')) return ask(`http://${urlHost(host)}:${port}${path}`).then((answer) => ('status' in answer ? answer.status : undefined));
  return new Promise((resolve) => {
    const asked = request({ host: host === '0.0.0.0' ? '127.0.0.1' : host, port, path, rejectUnauthorized: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** Writes a file there, as a service would, and looks at what is left of the disk. */
export async function checkFolder(check: string, setting: string, path: string): Promise<Finding[]> {
  const { ok, warn, fail } = about(check);
  const probe = join(path, `doctor-${process.pid}`);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const file = openSync(probe, 'w');
    writeSync(file, 'x');
    fsyncSync(file);
    closeSync(file);
    rmSync(probe);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOSPC') return [fail(`${path} is full`, 'make room, at once: nothing can be sold')];
    return [fail(`${path} cannot be written to: ${code}`, `as root: chown -R ${process.env['USER'] ?? 'the services\' user'} ${path}; or set ${setting}`)];
  }
  const { bavail, bsize } = await statfs(path);
  const freeBytes = bavail * bsize;
  const open = (statSync(path).mode & 0o007) === 0 ? [] : [warn(`${path} can be read by every user of this machine, and holds personal data`, `chmod o= ${path}`)];
  if (freeBytes < fullDiskBytes) return [fail(`${path} has ${sized(freeBytes)} left`, 'make room: a full disk stops payments'), ...open];
  if (freeBytes < lowDiskBytes) return [warn(`${path} has ${sized(freeBytes)} left`, 'make room, or move it to a larger disk'), ...open];
  return [ok(`${path} can be written to and has ${sized(freeBytes)} left`), ...open];
}

export function checkFonts(resolve: (file: string) => string = (file) => createRequire(reporting).resolve(`@expo-google-fonts/roboto/${file}`)): Finding {
  const { ok, fail } = about('fonts');
  const bad = fontFiles.filter((file) => {
    try {
      const path = resolve(file);
      // A TrueType font begins with its version, 1.0.
      return !existsSync(path) || readFileSync(path).readUInt32BE(0) !== 0x00010000;
    } catch {
      return true;
    }
  });
  return bad.length === 0 ? ok('the fonts of the reports are there') : fail(`missing or damaged: ${bad.join(', ')}`, `install anew: rm -rf ${join(dirname(reporting), '../../node_modules')} && npm ci`);
}
