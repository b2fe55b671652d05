/** The kiosk's own notes on a session: a JSON object that we keep and never read. */
import { invalid } from '@kiosk/fault';

export type Metadata = { [name: string]: unknown };

const metadataBytes = 16 * 1024;
/** Far above what a kiosk writes and far below what SQLite's JSON functions refuse. */
const deepest = 32;

/** Parses JSON text that must be an object. Empty text is {}. Fails with `invalid_metadata`, `metadata_too_large`, `metadata_too_deep`. */
export function parseMetadata(text: string): Metadata {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('invalid_metadata', 'metadata must be a JSON object.', 'metadata');
  }
  if (!isObject(value)) throw invalid('invalid_metadata', 'metadata must be a JSON object.', 'metadata');
  refuseLarge(text);
  refuseDeep(value, deepest);
  // Kept as JSON.stringify writes it, which can be longer: 1e20 becomes 21 digits.
  refuseLarge(JSON.stringify(value));
  return value;
}

/** RFC 7396 JSON merge patch: null removes, objects merge, anything else replaces. Fails with `metadata_too_large` when the result is. */
export function mergeMetadata(metadata: Metadata, patch: Metadata): Metadata {
  const merged = merge(metadata, patch) as Metadata;
  refuseLarge(JSON.stringify(merged));
  return merged;
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merge(result.get(name), value));
  }
  // fromEntries defines properties, so a name such as __proto__ stays a name.
  return Object.fromEntries(result);
}

/** The same value with its names in order at every depth, so that equal metadata has equal text. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inOrder(member)] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isObject(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuseDeep(value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (levels === 0) throw invalid('metadata_too_deep', `metadata may be nested ${deepest} levels deep.`, 'metadata');
  for (const member of Object.values(value)) refuseDeep(member, levels - 1);
}

function refuseLarge(text: string): void {
  if (Buffer.byteLength(text) > metadataBytes) throw invalid('metadata_too_large', `metadata must be at most ${metadataBytes} bytes.`, 'metadata');
}
