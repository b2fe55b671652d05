import type { Call, FaultKind } from './faults.ts';
import type { Storage } from './storage.ts';

/** The oldest entries go when there are more. A test that needs them all stays far below. */
const ENTRIES_KEPT = 200_000;

export type Deed = Readonly<{
  /** `repeated`: the key was known, nothing was done again. `read`: a GET. */
  did: 'created' | 'captured' | 'canceled' | 'repeated' | 'read';
  object: 'payment' | 'refund';
  id: string;
}>;

/** One request to the API, as the shop saw it: what an independent oracle reads. */
export type JournalEntry = {
  readonly sequence: number;
  /** Epoch ms on the shop's clock, at arrival. */
  readonly atMs: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly call: Call | 'unknown';
  readonly idempotenceKey?: string;
  /** SHA-256 of the request's bytes, hex. */
  readonly bodySha256: string;
  /** The fault that struck it. */
  fault?: FaultKind;
  /** What it did or found; absent if it was refused, or a fault struck before the deed. */
  deed?: Deed;
  /** What left; absent while it is under way, and for good if nothing left. `code` is that of an error object. */
  answer?: { readonly status: number; readonly code?: string; readonly bodySha256: string };
};

export class Journal {
  readonly #entries: JournalEntry[];
  readonly #storage: Storage;
  #lastSequence: number;

  constructor({ storage }: { storage: Storage }) {
    this.#storage = storage;
    this.#entries = storage.load<JournalEntry>('request');
    this.#lastSequence = this.#entries.at(-1)?.sequence ?? 0;
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  open(request: Omit<JournalEntry, 'sequence' | 'fault' | 'deed' | 'answer'>): JournalEntry {
    const entry: JournalEntry = { sequence: ++this.#lastSequence, ...request };
    this.#entries.push(entry);
    if (this.#entries.length > ENTRIES_KEPT) this.#entries.splice(0, ENTRIES_KEPT / 10);
    return entry;
  }

  /** Keeps what changes money over a restart; reads are too many for that. */
  keep(entry: JournalEntry): void {
    if (entry.method === 'POST') this.#storage.save('request', String(entry.sequence), entry);
  }
}
