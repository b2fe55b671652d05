import { readFileSync } from 'node:fs';

/** The contracts as a FileDescriptorSet: what reflection shows, and where each call's idempotency is written down. */
export const descriptors: Uint8Array = readFileSync(new URL('../descriptors.binpb', import.meta.url));
