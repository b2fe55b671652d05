import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { isMachineTrouble } from './pdf/machine-trouble.ts';

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to throw');
}

const endless = (): unknown => [endless()];

describe('the trouble', () => {
  test.each([
    ['a file that cannot be read', () => readFileSync('/nowhere/generic.ru.tsv')],
    ['memory that is not there', () => new ArrayBuffer(Number.MAX_SAFE_INTEGER)],
    ['a thread that cannot start', () => { throw Object.assign(new Error('Worker initialization failure: EMFILE'), { code: 'ERR_WORKER_INIT_FAILED' }); }],
    ['no memory to compress with', () => { throw Object.assign(new Error('Initialization failed'), { code: 'ERR_ZLIB_INITIALIZATION_FAILED' }); }],
  ])('of %s is the machine\'s', (_, run) => expect(isMachineTrouble(thrownBy(run))).toBe(true));

  test.each([
    ['a mistake in the template', () => (undefined as unknown as string).length],
    ['a document that never ends', endless],
    ['a wrong argument', () => Buffer.alloc(-1)],
    ['a number out of range', () => (1).toFixed(1000)],
  ])('of %s is not', (_, run) => expect(isMachineTrouble(thrownBy(run))).toBe(false));
});
