import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { staleDocuments } from './settings-docs.ts';

const config = join(import.meta.dirname, '../../../config');
const read = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(config, name), 'utf8')) as Record<string, unknown>;

test('docs/operations.md, .env.example and config/service.schema.json name every setting with the default and the meaning that the code declares', async () => {
  expect(await staleDocuments()).toEqual([]);
});

test('config/service.json is what its schema says, and the schema finds what is misspelt or of another kind', () => {
  const schema = z.fromJSONSchema(read('service.schema.json'));
  const file = read('service.json');
  const problems = (changes: object): string[] => schema.safeParse({ ...file, ...changes }).error?.issues.map(({ code, path }) => [code, ...path].join(' ')) ?? [];
  expect(problems({})).toEqual([]);
  expect(problems({ PAYMENTS_TTL: 1 })).toEqual(['unrecognized_keys']);
  expect(problems({ PORT: '3000' })).toEqual(['invalid_type PORT']);
  expect(problems({ AGENT_ENV: 'TEST' })).toHaveLength(1);
  expect(problems({ TRUSTED_PROXIES: ['10.0.0.1'], KIOSK_API_KEYS: 'hall-1:0123456789abcdef' })).toEqual([]);
  expect(problems({ PRICES: [{ service: 'thickness', name: 'sedan', amountMinor: 350.5, currency: 'RUB' }] })).not.toEqual([]);
  expect(file['$schema']).toBe('./service.schema.json');
});
