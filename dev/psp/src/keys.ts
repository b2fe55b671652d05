import type { Storage } from './storage.ts';

const REMEMBERED_MS = 24 * 3600_000;

type Remembered = Readonly<{ key: string; fingerprint: string; objectId: string; text: string; atMs: number }>;

/**
 * Idempotence keys (https://yookassa.ru/developers/using-api/interaction-format): a key is remembered with its first answer for 24 hours;
 * after that the same key is a new request. Refusals are not remembered, since nothing was done.
 */
export class Keys {
  readonly #keys = new Map<string, Remembered>();
  readonly #now: () => number;
  readonly #storage: Storage;

  constructor({ now, storage }: { now: () => number; storage: Storage }) {
    this.#now = now;
    this.#storage = storage;
    for (const remembered of storage.load<Remembered>('key')) this.#keys.set(remembered.key, remembered);
  }

  find(key: string): Remembered | undefined {
    const remembered = this.#keys.get(key);
    return remembered !== undefined && this.#now() - remembered.atMs < REMEMBERED_MS ? remembered : undefined;
  }

  remember(answer: { key: string; fingerprint: string; objectId: string; text: string }): void {
    const remembered = { ...answer, atMs: this.#now() };
    this.#keys.set(answer.key, remembered);
    this.#storage.save('key', answer.key, remembered);
  }
}
