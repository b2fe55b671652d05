import type { Storage } from './storage.ts';

/** The shop's clock: what the base says plus what was wound on by hand. It never goes back, and a restart keeps what was wound on. */
export class Clock {
  readonly #base: () => number;
  readonly #storage: Storage;
  #offsetMs: number;

  constructor({ base, storage }: { base: () => number; storage: Storage }) {
    this.#base = base;
    this.#storage = storage;
    this.#offsetMs = storage.load<number>('clock')[0] ?? 0;
  }

  /** Epoch ms. An arrow, because it is handed on as `now`. */
  readonly now = (): number => this.#base() + this.#offsetMs;

  advance(ms: number): void {
    this.#offsetMs += ms;
    this.#storage.save('clock', 'offset', this.#offsetMs);
  }
}
