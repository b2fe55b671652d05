/** How much there is of something, and how much of it each may have at a time: connections, streams, bytes of bodies that are still coming. */
export class Shares {
  readonly #most: number;
  readonly #mostEach: number;
  #taken = 0;
  readonly #takenBy = new Map<string, number>();

  constructor({ most, mostEach }: { most: number; mostEach: number }) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** What stands in the way of `count` more: all are taken, or this one has its share; undefined where nothing does. */
  obstacle(who: string, count = 1): 'all' | 'share' | undefined {
    if (this.#taken + count > this.#most) return 'all';
    return (this.#takenBy.get(who) ?? 0) + count > this.#mostEach ? 'share' : undefined;
  }

  /** Whatever stands in the way. */
  take(who: string, count = 1): void {
    this.#taken += count;
    this.#takenBy.set(who, (this.#takenBy.get(who) ?? 0) + count);
  }

  /** Of what was taken. */
  giveBack(who: string, count = 1): void {
    this.#taken -= count;
    const rest = this.#takenBy.get(who)! - count;
    if (rest > 0) this.#takenBy.set(who, rest);
    else this.#takenBy.delete(who);
  }
}
