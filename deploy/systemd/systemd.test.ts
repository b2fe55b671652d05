/** The units are without mistake, and as tight as the documents say. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describeWith, run } from '../tools.ts';

const workspace = join(import.meta.dirname, '../..');
const services = ['sessions', 'payments', 'reporting', 'gateway'];
const documents = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

test('the target wants every service that there is', () => {
  const target = readFileSync(join(import.meta.dirname, 'kiosk.target'), 'utf8');
  expect(/^Wants=(.*)$/m.exec(target)?.[1]?.split(' ').toSorted()).toEqual(readdirSync(join(workspace, 'services')).map((name) => `kiosk@${name}.service`).toSorted());
});

describeWith(['systemd-analyze'], 'the systemd units', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kiosk-units-'));
    cpSync(import.meta.dirname, folder, { recursive: true });
    // One of the template for each service, as systemd would make them; systemd wants to see the programs where they are to be.
    const template = readFileSync(join(folder, 'kiosk@.service'), 'utf8');
    for (const service of services) writeFileSync(join(folder, `kiosk@${service}.service`), template);
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.service'))) {
      const path = join(folder, name);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('/opt/kiosk/node_modules/.bin/node', process.execPath).replaceAll('WorkingDirectory=/opt/kiosk', `WorkingDirectory=${workspace}`));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('systemd finds no mistake in them', () => {
    const units = readdirSync(folder).filter((name) => /\.(service|target|timer)$/.test(name) && name !== 'kiosk@.service').map((name) => join(folder, name));
    // It warns on its standard error and still exits 0.
    expect(run('sh', ['-c', 'systemd-analyze verify --recursive-errors=no --man=no "$@" 2>&1', 'verify', ...units])).toBe('');
  });

  test.each([
    ['kiosk@payments.service', 'a service'],
    ['kiosk@gateway.service', 'the gateway'],
    ['kiosk-backup.service', 'the backup'],
  ])('the exposure of %s is what the documents say', (unit, name) => {
    const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(run('systemd-analyze', ['security', '--offline=true', '--no-pager', join(folder, unit)])) ?? [];
    const [, documented] = new RegExp(`\\| ${name} \\| ([\\d.]+)`).exec(documents) ?? [];
    expect({ unit: basename(unit), exposure: Number(exposure) }).toEqual({ unit, exposure: Number(documented) });
  });
});
