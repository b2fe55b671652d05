import { expect, test } from '@jest/globals';
import { staleDocuments } from './settings-docs.ts';

test('docs/operations.md and .env.example name every setting with the default and the meaning that the code declares', async () => {
  expect(await staleDocuments()).toEqual([]);
});
