/**
 * The answers that are under way. Node limits how slowly a request comes, and not how slowly its answer is taken; answers that are still being written, such as
 * events, are not meant.
 *
 * They are kept in an array with gaps: a Map that changes with each request leaves a trail of outgrown tables, which V8 keeps, with all requests that were in
 * them, until the next full collection once one of them has got old.
 */
import type { ServerResponse } from 'node:http';

type Answer = { response: ServerResponse; /** Seen to be complete at. */ completeAt?: number };

export class OpenAnswers {
  readonly #places: (Answer | undefined)[] = [];
  readonly #free: number[] = [];

  /** Gives the place that `remove` takes. */
  add(response: ServerResponse): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = { response };
    return place;
  }

  remove(place: number): void {
    this.#places[place] = undefined;
    this.#free.push(place);
  }

  /** Breaks off those that were seen to be complete more than `takeTimeout` ms before `now`, and are not taken yet. */
  closeSlow({ takeTimeout, now }: { takeTimeout: number; now: number }): void {
    for (const answer of this.#places) {
      if (!answer?.response.writableEnded) continue;
      answer.completeAt ??= now;
      if (now - answer.completeAt > takeTimeout) answer.response.destroy();
    }
  }
}
