/** API keys: whose each is. Only its SHA-256 is kept, so that no dump, log or error of this process can hold a key. */
import { hash, timingSafeEqual } from 'node:crypto';

export type Role = 'kiosk' | 'operator';

export type NamedKey = { name: string; sha256: Buffer };
export type ApiKey = NamedKey & { role: Role };

const shortestKey = 16;

/** Reads `name:key` entries; several may share a name, for rotation. Answers a sentence about the first that is none. It never quotes a key. */
export function readKeys(entries: readonly string[]): NamedKey[] | string {
  const keys: NamedKey[] = [];
  for (const [index, entry] of entries.entries()) {
    const [, name = '', key = ''] = /^([\w.-]{1,64}):(.*)$/.exec(entry) ?? [];
    // Who writes a key where the name belongs gets it counted, not quoted.
    const which = name !== '' && name.length < shortestKey ? `the key of ${name}` : `entry ${index + 1}`;
    if (name === '') return `must be name:key, separated by commas, where a name is 1–64 of A–Z, a–z, 0–9, dot, underscore and hyphen: ${which} is not`;
    if (!/^[\x21-\x7e]*$/.test(key) || key.length > 256) return `must have keys of at most 256 printable ASCII characters: ${which} is none`;
    if (key.length < shortestKey) return `must have keys of at least ${shortestKey} characters: ${which} is shorter`;
    keys.push({ name, sha256: hashOf(key) });
  }
  return keys;
}

/** A sentence for a key that belongs to more than one. */
export function sharedKey(keys: readonly ApiKey[]): string | undefined {
  const owners = new Map<string, string>();
  for (const { role, name, sha256 } of keys) {
    const hex = sha256.toString('hex');
    const owner = `${role} ${name}`;
    if ((owners.get(hex) ?? owner) !== owner) return `${owners.get(hex)} and ${owner} must not have the same key`;
    owners.set(hex, owner);
  }
  return undefined;
}

/** Whose the key is. All keys are compared, each in constant time: how long it takes tells nothing about any of them. */
export function ownerOf(key: string, keys: readonly ApiKey[]): { role: Role; name: string } | undefined {
  const given = hashOf(key);
  let owner: ApiKey | undefined;
  for (const known of keys) if (timingSafeEqual(known.sha256, given)) owner = known;
  return owner && { role: owner.role, name: owner.name };
}

function hashOf(key: string): Buffer {
  // By way of a text, because memory of its own outside the heap costs more than the hash.
  return Buffer.from(hash('sha256', key, 'hex'), 'hex');
}
