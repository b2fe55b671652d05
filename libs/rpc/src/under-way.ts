/**
 * Calls under way, by their number. No Map: one that changes with each call leaves a trail of outgrown tables, each of which leads to the next and to the calls
 * that were in it. Once one of them is in V8's old generation, all that follow are kept and copied until the next full collection.
 */
export class UnderWay<T> {
  readonly #calls: Record<number, T> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): T | undefined {
    return this.#calls[number];
  }

  /** Of a number that has none. */
  set(number: number, call: T): void {
    this.#calls[number] = call;
    this.#size++;
  }

  /** Gives what was taken out, if anything. */
  delete(number: number): T | undefined {
    const call = this.#calls[number];
    if (call === undefined) return undefined;
    delete this.#calls[number];
    this.#size--;
    return call;
  }

  numbers(): number[] {
    return Object.keys(this.#calls).map(Number);
  }
}
