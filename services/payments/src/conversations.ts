/**
 * Conversations with the PSP, a few at a time. One that takes long, and a PSP may take half a minute, holds its own place only: the others' are filled
 * again as soon as they are free.
 */
/** So many of what is due, other than those `besides`, which are under way: they may look due until they begin in earnest. */
export type Wanted = { limit: number; besides: ReadonlySet<string> };

/** Of what was found due, with a limit that has room for those besides. */
export function pick<T extends { id: string }>(due: readonly T[], { limit, besides }: Wanted): T[] {
  return due.filter(({ id }) => !besides.has(id)).slice(0, limit);
}

export type Conversations = ReturnType<typeof createConversations>;

export function createConversations<T extends { id: string }>({ most, claim, hold, onError, again }: {
  /** At a time. */
  most: number;
  /** Takes what is due, so that nobody else takes it meanwhile. */
  claim: (wanted: Wanted) => Promise<T[]>;
  hold: (item: T) => Promise<unknown>;
  onError: (error: unknown) => void;
  /** There may be more due than there was room for: begin again. */
  again: () => void;
}) {
  /** Whether each went through; one that failed unexpectedly keeps its claim and comes up again. */
  const underWay = new Map<string, Promise<boolean>>();

  async function holdOne(item: T, isFull: boolean): Promise<boolean> {
    try {
      await hold(item);
    } catch (error) {
      onError(error);
      return false;
    } finally {
      underWay.delete(item.id);
    }
    if (isFull) again();
    return true;
  }

  let beginning: Promise<void> = Promise.resolve();

  async function beginSome(): Promise<void> {
    const room = most - underWay.size;
    if (room <= 0) return;
    const due = await claim({ limit: room, besides: new Set(underWay.keys()) });
    for (const item of due) underWay.set(item.id, holdOne(item, due.length === room));
  }

  return {
    /** Begins what is due, as far as there is room; answers how many are under way now. */
    async begin(): Promise<number> {
      // One after the other: what one has claimed and not yet begun would be room for the next.
      const begun = beginning.then(beginSome);
      beginning = begun.catch(() => {});
      await begun;
      return underWay.size;
    },

    /** Waits for those under way, and answers whether all of them went through. */
    settled: async (): Promise<boolean> => (await Promise.all(underWay.values())).every(Boolean),
  };
}
