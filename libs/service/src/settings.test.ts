import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { SettingsError, commonSettings, declare, describeSettings, loadSettingsFile, readSettings, setting, unknownSettings } from './service.ts';

const declaration = declare({
  PORT: { schema: setting.port, default: 3000, doc: 'Where to listen.' },
  FAST: { schema: setting.flag, default: false, doc: 'Hurry.' },
  SHOP_KEY: { schema: setting.text.optional(), secret: true, doc: 'The key.' },
  PRICES: { schema: setting.json(z.record(z.string(), z.number())), default: {}, doc: 'Prices by service.' },
});

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('the environment goes before the file, the file before the default', () => {
  test.each([
    { env: undefined, file: undefined, port: 3000 },
    { env: undefined, file: 4000, port: 4000 },
    { env: '5000', file: 4000, port: 5000 },
    { env: '5000', file: undefined, port: 5000 },
    { env: '', file: 4000, port: 4000 },
    { env: '', file: undefined, port: 3000 },
  ])('environment $env, file $file: $port', ({ env, file, port }) => {
    expect(readSettings(declaration, { env: { PORT: env }, file: file === undefined ? {} : { PORT: file } }).PORT).toBe(port);
  });
});

describe('each kind of value is read from text and from JSON, and nonsense is refused', () => {
  const refused = Symbol('refused');
  test.each<[string, z.ZodType, unknown, unknown]>([
    ['port', setting.port, '0', 0],
    ['port', setting.port, 65_535, 65_535],
    ['port', setting.port, '65536', refused],
    ['port', setting.port, '80a', refused],
    ['port', setting.port, -1, refused],
    ['port', setting.port, '1e3', refused],
    ['durationMs', setting.durationMs, '1500', 1500],
    ['durationMs', setting.durationMs, 1.5, refused],
    ['durationMs', setting.durationMs, '10s', refused],
    ['integer', setting.integer({ min: 1, max: 9 }), ' 9 ', 9],
    ['integer', setting.integer({ min: 1, max: 9 }), '0', refused],
    ['flag', setting.flag, 'true', true],
    ['flag', setting.flag, '0', false],
    ['flag', setting.flag, false, false],
    ['flag', setting.flag, 'yes', refused],
    ['text', setting.text, ' a b ', 'a b'],
    ['text', setting.text, 'a\r\nb', refused],
    ['text', setting.text, 12, refused],
    ['url', setting.url, 'http://127.0.0.1:4318', 'http://127.0.0.1:4318'],
    ['url', setting.url, 'file:///etc/passwd', refused],
    ['url', setting.url, 'localhost:4318', refused],
    ['list', setting.list, 'a, b,,c ', ['a', 'b', 'c']],
    ['list', setting.list, ['a', 'b'], ['a', 'b']],
    ['list', setting.list, [1], refused],
    ['oneOf', setting.oneOf('DEV', 'PROD'), 'PROD', 'PROD'],
    ['oneOf', setting.oneOf('DEV', 'PROD'), 'prod', refused],
    ['json', setting.json(z.strictObject({ a: z.number() })), '{"a":1}', { a: 1 }],
    ['json', setting.json(z.strictObject({ a: z.number() })), { a: 1 }, { a: 1 }],
    ['json', setting.json(z.strictObject({ a: z.number() })), '{"a":', refused],
  ])('%s %#', (_, schema, given, expected) => {
    const parsed = schema.safeParse(given);
    expect(parsed.success ? parsed.data : refused).toEqual(expected);
  });
});

test('one error names every bad setting and where it comes from', () => {
  const required = declare({ ...declaration, FROM: { schema: setting.text, doc: 'The sender.' } });
  const problems = problemsOf(() => readSettings(required, { env: { PORT: 'many' }, file: { FAST: 'perhaps' } }));
  expect(problems).toEqual([
    'PORT (environment) must be a whole number from 0 to 65535',
    'FAST (settings file) must be true or false',
    'FROM is required',
  ]);
});

test('X2 no part of a bad secret is in the error', () => {
  const secrets = declare({
    A: { schema: setting.text, secret: true, doc: 'Text.' },
    B: { schema: setting.json(z.strictObject({ a: z.number() })), secret: true, doc: 'An object.' },
    C: { schema: setting.text.refine((key) => key.length > 40, 'must be longer than 40 characters'), secret: true, doc: 'A key.' },
  });
  const problems = problemsOf(() => readSettings(secrets, { env: { A: 'canary\n', C: 'canary' }, file: { A: ['canary'], B: { canary: 'canary' } } }));
  expect(problems).toEqual(['B (settings file) is not valid', 'C (environment) must be longer than 40 characters']);
  expect(problemsOf(() => readSettings(secrets, { env: { A: 'can\nary' }, file: { B: { a: 1 }, C: 'c'.repeat(41) } }))).toEqual([
    'A (environment) must be one line of text',
  ]);
});

test('X1 an unknown AGENT_ENV is refused, and nothing else is needed to start', () => {
  expect(problemsOf(() => readSettings(commonSettings, { env: { AGENT_ENV: 'STAGING' }, file: {} }))).toEqual([
    'AGENT_ENV (environment) must be one of DEV, PROD',
  ]);
  expect(readSettings(commonSettings, { env: {}, file: {} })).toEqual({
    AGENT_ENV: 'DEV',
    GRPC_HOST: '127.0.0.1',
    METRICS_HOST: '127.0.0.1',
    STORAGE_PATH: './storage',
    LOG_LEVEL: 'info',
    OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  });
});

test('a description shows each setting, but no secret default', () => {
  const described = describeSettings(declare({
    A: { schema: setting.text, default: 'a', doc: 'Open.' },
    B: { schema: setting.text, default: 'canary', secret: true, doc: 'Hidden.' },
  }));
  expect(described).toEqual([
    { name: 'A', default: 'a', secret: false, doc: 'Open.' },
    { name: 'B', default: undefined, secret: true, doc: 'Hidden.' },
  ]);
});

describe('the settings file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-settings-'));
  const before = process.env['CONFIG_FILE'];
  afterEach(() => {
    if (before === undefined) delete process.env['CONFIG_FILE'];
    else process.env['CONFIG_FILE'] = before;
  });
  const written = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  test('is read as JSON, and is empty when it is missing', () => {
    expect(loadSettingsFile(written('good.json', '{"PORT": 4000}'))).toEqual({ PORT: 4000 });
    expect(loadSettingsFile(join(folder, 'missing.json'))).toEqual({});
  });

  test('that is no JSON object is refused by its name alone', () => {
    expect(problemsOf(() => loadSettingsFile(written('broken.json', '{"KEY": canary}')))).toEqual(['the settings file broken.json is not valid JSON']);
    expect(problemsOf(() => loadSettingsFile(written('list.json', '[]')))).toEqual(['the settings file list.json must hold one JSON object']);
  });

  test('named by CONFIG_FILE is read, and must exist', () => {
    process.env['CONFIG_FILE'] = written('named.json', '{"HOST": "::1"}');
    expect(loadSettingsFile()).toEqual({ HOST: '::1' });
    process.env['CONFIG_FILE'] = join(folder, 'mistyped.json');
    expect(problemsOf(() => loadSettingsFile())).toEqual(['CONFIG_FILE names mistyped.json, which does not exist']);
  });

  test('shows the names that nobody knows', () => {
    expect(unknownSettings({ PORT: 1, PROT: 2 }, ['PORT', 'HOST'])).toEqual(['PROT']);
  });
});
