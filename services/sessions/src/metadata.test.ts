import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mergeMetadata, parseMetadata, type Metadata } from './metadata.ts';

/** Inside a member, since metadata itself is always an object. */
function mergeValue(original: unknown, patch: unknown): unknown {
  return (mergeMetadata({ x: original }, { x: patch }) as { x?: unknown }).x;
}

// RFC 7396, appendix A, in its order. A patch that is null removes the member it is put into.
test.each<[unknown, unknown, unknown]>([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [['a', 'b'], ['c', 'd'], ['c', 'd']],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, undefined],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('RFC 7396: %j patched by %j is %j', (original, patch, result) => {
  expect(mergeValue(original, patch)).toEqual(result);
});

const object = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as Metadata);

test('a merge patch applied twice changes nothing more, touches no input, and an empty one changes nothing', () => {
  fc.assert(fc.property(object, object, (metadata, patch) => {
    const [metadataText, patchText] = [JSON.stringify(metadata), JSON.stringify(patch)];
    const once = mergeMetadata(metadata, patch);
    expect(mergeMetadata(once, patch)).toEqual(once);
    expect(mergeMetadata(metadata, {})).toEqual(metadata);
    expect([JSON.stringify(metadata), JSON.stringify(patch)]).toEqual([metadataText, patchText]);
    for (const [name, value] of Object.entries(patch)) expect(Object.hasOwn(once, name)).toBe(value !== null);
    for (const name of Object.keys(metadata).filter((one) => !Object.hasOwn(patch, one))) expect(once[name]).toEqual(metadata[name]);
  }));
});

test('a name such as __proto__ stays a name', () => {
  const merged = mergeMetadata(parseMetadata('{"__proto__": {"a": 1}}'), parseMetadata('{"__proto__": {"b": 2}, "constructor": 3}'));
  expect(JSON.stringify(merged)).toBe('{"__proto__":{"a":1,"b":2},"constructor":3}');
  expect(({} as Metadata)['b']).toBeUndefined();
});

test.each(['[]', '"a"', '1', 'true', 'null', '{', '{"a":}', 'undefined', '\ufeff{}', '{} {}'])('%s is no metadata', (text) => {
  expect(() => parseMetadata(text)).toThrow(expect.objectContaining({ kind: 'invalid', reason: 'invalid_metadata', errors: [expect.objectContaining({ path: 'metadata' })] }));
});

test('empty text is no metadata yet', () => {
  expect(parseMetadata('')).toEqual({});
});

const tooLarge = expect.objectContaining({ kind: 'invalid', reason: 'metadata_too_large' });

test.each<[string, string]>([
  ['as it is written', `{"a":"${'x'.repeat(16 * 1024)}"}`],
  ['in bytes rather than characters', `{"a":"${'я'.repeat(8 * 1024)}"}`],
  ['only once its numbers are written out', `[${'1e20,'.repeat(1000)}1]`],
])('G2 more than 16 KiB, %s, is refused', (_, text) => {
  expect(() => parseMetadata(text.startsWith('[') ? `{"a":${text}}` : text)).toThrow(tooLarge);
});

test('16 KiB exactly are taken', () => {
  expect(parseMetadata(`{"a":"${'x'.repeat(16 * 1024 - 8)}"}`)).toBeDefined();
});

test('a patch may not make metadata too large', () => {
  const half = { a: 'x'.repeat(9000) };
  expect(() => mergeMetadata(half, { b: 'x'.repeat(9000) })).toThrow(tooLarge);
  expect(mergeMetadata(half, { a: null, b: 'x'.repeat(9000) })).toEqual({ b: 'x'.repeat(9000) });
});

test.each<[string, string]>([['objects', `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`], ['arrays', `{"a":${'['.repeat(4000)}${']'.repeat(4000)}}`]])(
  'G2 %s that are nested too deeply are refused',
  (_, text) => {
    expect(() => parseMetadata(text)).toThrow(expect.objectContaining({ kind: 'invalid', reason: 'metadata_too_deep' }));
  },
);

test('G2 a patch may not nest deeper than metadata', () => {
  const nested = (levels: number, inside: unknown): Metadata => Array.from({ length: levels }).reduce((value: unknown) => ({ a: value }), inside) as Metadata;
  expect(mergeMetadata(nested(30, 1), nested(32, 1))).toEqual(nested(32, 1));
});
