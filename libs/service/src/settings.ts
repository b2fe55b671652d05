// Settings: the environment over the settings file over defaults, read once at the start. Nonsense is refused with one error
// that names every bad setting. No message repeats a value: a password ends up in the wrong variable sooner or later.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { setting } from './schemas.ts';

export { setting };

/** One setting: what it may be, what it is when nobody sets it, whether it must stay hidden, and what it is for. */
export interface Setting<S extends z.ZodType = z.ZodType> {
  schema: S;
  /** Used as it is. Without one the setting is required, unless its schema accepts undefined. */
  default?: z.output<S>;
  /** Never shown in errors or descriptions. */
  secret?: boolean;
  doc: string;
}

export type SettingsDeclaration = Readonly<Record<string, Setting>>;

/** Plain data: each declared name with its typed value. */
export type Settings<D extends SettingsDeclaration> = { [Name in keyof D]: z.output<D[Name]['schema']> };

/** The settings file: flat, with the same names as the environment. */
export type SettingsFile = Readonly<Record<string, unknown>>;

/** The settings cannot be used. `problems` has one sentence for each bad setting. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** Gives back its argument; checks that each default fits its schema. */
export function declare<S extends Record<string, z.ZodType>>(declaration: { [Name in keyof S]: Setting<S[Name]> }) {
  return declaration;
}

/**
 * Reads the declared settings: environment over file over default. An empty variable counts as not set.
 * Fails with a SettingsError that lists every bad or missing setting.
 */
export function readSettings<D extends SettingsDeclaration>(
  declaration: D,
  { env, file }: { env: Readonly<Record<string, string | undefined>>; file: SettingsFile },
): Settings<D> {
  const problems: string[] = [];
  const values = Object.entries(declaration).map(([name, { schema, default: fallback, secret }]) => {
    const fromEnv = env[name] === '' ? undefined : env[name];
    const given = fromEnv ?? (Object.hasOwn(file, name) ? file[name] : undefined);
    if (given === undefined && fallback !== undefined) return [name, fallback];
    const parsed = schema.safeParse(given);
    if (parsed.success) return [name, parsed.data];
    if (given === undefined) problems.push(`${name} is required`);
    else problems.push(`${name} (${fromEnv === undefined ? 'settings file' : 'environment'}) ${sentence(parsed.error, secret)}`);
    return [name, undefined];
  });
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.fromEntries(values) as Settings<D>;
}

// Paths and unrecognized keys are parts of the value, so a secret setting keeps them to itself.
function sentence(error: z.ZodError, secret = false): string {
  if (secret) return error.issues.find((issue) => issue.code === 'custom' && issue.path.length === 0)?.message ?? 'is not valid';
  return error.issues.map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`)).join(', ');
}

/**
 * Reads the settings file, see `settingsFilePath`. A missing file is an empty one, except a `CONFIG_FILE`, because a mistyped path must not
 * start a kiosk with default settings. Fails with a SettingsError on that and on anything but a JSON object.
 */
export function loadSettingsFile(path = settingsFilePath()): SettingsFile {
  if (path !== undefined && existsSync(path)) return parseFile(path);
  if (path !== undefined && path === process.env['CONFIG_FILE']) throw new SettingsError([`CONFIG_FILE names ${basename(path)}, which does not exist`]);
  return {};
}

/** `CONFIG_FILE`, else `config/service.json` in the current directory, else in the workspace; undefined where there is none. */
export function settingsFilePath(): string | undefined {
  return process.env['CONFIG_FILE'] || findFile();
}

function parseFile(path: string): SettingsFile {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The parser's own message quotes the file, secrets included.
    const why = error instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read';
    throw new SettingsError([`the settings file ${basename(path)} ${why}`]);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new SettingsError([`the settings file ${basename(path)} must hold one JSON object`]);
  }
  return content as SettingsFile;
}

function findFile(): string | undefined {
  const inCurrent = resolve('config/service.json');
  if (existsSync(inCurrent)) return inCurrent;
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'config/service.json');
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
}

/** The names in the settings file that nobody knows: most likely misspelt. `$schema` is for editors. */
export function unknownSettings(file: SettingsFile, knownNames: Iterable<string>): string[] {
  const known = new Set([...knownNames, '$schema']);
  return Object.keys(file).filter((name) => !known.has(name));
}

/** What a declaration says about each setting, for the documentation and its test. */
export function describeSettings(declaration: SettingsDeclaration) {
  return Object.entries(declaration).map(([name, { default: fallback, secret = false, doc }]) => ({
    name,
    default: secret ? undefined : (fallback as unknown),
    secret,
    doc,
  }));
}

/** The settings that each process reads. */
export const commonSettings = declare({
  AGENT_ENV: {
    schema: setting.oneOf('DEV', 'PROD'),
    default: 'DEV',
    doc: 'DEV takes pretend money and sends to a pretend outbox; PROD takes real money and refuses to start without credentials.',
  },
  GRPC_HOST: { schema: setting.text, default: '127.0.0.1', doc: 'The address the services listen on for calls from one another; loopback only, unless there is TLS.' },
  GRPC_TLS_CA: { schema: setting.text.optional(), doc: 'The PEM file of the authority whose certificates count between services. With it, GRPC_TLS_CERT and GRPC_TLS_KEY, all calls between services are under mutual TLS.' },
  GRPC_TLS_CERT: { schema: setting.text.optional(), doc: 'The PEM file of the service\'s certificate, which has the service\'s name as a DNS name. {service} stands for that name: certs/{service}.pem.' },
  GRPC_TLS_KEY: { schema: setting.text.optional(), doc: 'The PEM file of that certificate\'s key. {service} stands for the service\'s name.' },
  METRICS_HOST: { schema: setting.text, default: '127.0.0.1', doc: 'The address each service serves its /metrics and health on.' },
  STORAGE_PATH: { schema: setting.text, default: './storage', doc: 'The folder for databases and report files.' },
  LOG_LEVEL: {
    schema: setting.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
    doc: 'The least important log lines to write; silent writes none. debug adds a line for each call that a service answered.',
  },
  LOG_FORMAT: {
    schema: setting.oneOf('json', 'pretty').optional(),
    doc: 'How a log line is written: json, one object; pretty, for people. Without it pretty where standard output is a terminal, and json elsewhere.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: setting.url.optional(),
    doc: 'The base address of an OpenTelemetry collector, such as http://127.0.0.1:4318. Tracing is off without it.',
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    schema: setting.oneOf('http/json', 'http/protobuf'),
    default: 'http/protobuf',
    doc: 'How spans are written to the collector.',
  },
});
