/**
 * The link that opens a report without a key: 128 bits that say nothing (D10). A token is a keyed hash of its delivery's id, so that every attempt has
 * the same words; the database has only the token's own hash, and the key is not in the database, so that whoever reads that cannot open anything.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

const tokenBytes = 16;
/** In base64url. */
export const tokenCharacters = 22;
const tokenPattern = /^[\w-]{22}$/;
const keyBytes = 32;

export type Links = ReturnType<typeof createLinks>;

export function createLinks({ key, publicUrl, ttlMs }: { key: Uint8Array; publicUrl: string; ttlMs: number }) {
  return {
    /** The delivery's link and when it ends, the same at every call. */
    of({ id, createdAt }: { id: string; createdAt: number }): { url: string; tokenSha256: string; expiresAt: number } {
      const token = createHmac('sha256', key).update(id).digest().subarray(0, tokenBytes).toString('base64url');
      return { url: linkTo({ publicUrl, token }), tokenSha256: hashOf(token), expiresAt: createdAt + ttlMs };
    },
  };
}

export function linkTo({ publicUrl, token }: { publicUrl: string; token: string }): string {
  return `${publicUrl}/r/${token}`;
}

/** What the database knows a token by; undefined for what cannot be one. */
export function tokenSha256Of(token: string): string | undefined {
  return tokenPattern.test(token) ? hashOf(token) : undefined;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The key in the file, which is made at the first start, for its owner only. Without it old links still open, but attempts after the loss differ. */
export function readLinkKey(path: string): Buffer {
  try {
    const key = readFileSync(path);
    if (key.length === keyBytes) return key;
    throw new Error('the key of the report links is damaged: restore report-links.key from a backup, or delete it to make another');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(keyBytes);
  const file = openSync(`${path}.part`, 'w', 0o600);
  try {
    writeSync(file, key);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.part`, path);
  return key;
}
