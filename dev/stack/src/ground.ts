/** What a stack for tests stands on: free ports, a storage folder, and settings that come from nowhere else. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';

export type PrepareOptions = {
  /** Kept when the stack is disposed. Without one a temporary folder is made, and removed then. */
  storagePath?: string;
  /** Settings by name, as in the environment. The real environment and config/service.json do not count. */
  settings?: Readonly<Record<string, string>>;
};

export interface Ground extends AsyncDisposable {
  readonly url: string;
  readonly storagePath: string;
  readonly settingsFile: string;
  /** By setting: PORT, SESSIONS_GRPC_PORT, … */
  readonly ports: Readonly<Record<string, number>>;
  readonly env: Record<string, string>;
}

const portNames = [
  'PORT', 'SESSIONS_GRPC_PORT', 'PAYMENTS_GRPC_PORT', 'REPORTING_GRPC_PORT',
  'SESSIONS_METRICS_PORT', 'PAYMENTS_METRICS_PORT', 'REPORTING_METRICS_PORT',
];

export async function prepare({ storagePath, settings = {} }: PrepareOptions): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'kiosk-'));
  const settingsFile = join(folder, 'service.json');
  await writeFile(settingsFile, '{}');
  const free = await freePorts(portNames.length);
  const ports = Object.fromEntries(portNames.map((name, index) => [name, free[index]!]));
  const storage = storagePath ?? join(folder, 'storage');
  const env: Record<string, string> = {
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
    STORAGE_PATH: storage,
    LOG_LEVEL: 'silent',
    // A test machine that is busy is not a gateway that is overloaded.
    OVERLOAD_DELAY_MS: '60000',
    ...settings,
  };
  return {
    url: `http://127.0.0.1:${env['PORT']}`,
    storagePath: storage,
    settingsFile,
    ports,
    env,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
