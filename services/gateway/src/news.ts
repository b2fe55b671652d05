/**
 * What of the state a reader of events has not been told. The gateway keeps nothing, so the id of each event says how far its reader is: a digest of what each
 * service's part looked like. A reader that comes back with it is told of a part only if that looks otherwise now; then all of that part, because which of it
 * has changed nobody remembers. Events are states, so hearing one twice does no harm, and the last is never missed.
 */
import { createHash } from 'node:crypto';

/** The services, in the order in which an id has their digests. */
export const parts = ['sessions', 'payments', 'reporting'] as const;
export type Part = (typeof parts)[number];

/** One thing of a part's state. `key` tells it from the part's others; `digested` takes the place of `data` where not every difference is news. */
export type Thing = { event: string; key: string; data: unknown; digested?: unknown };
export type NewsEvent = { event: string; id: string; data: unknown };

const digestCharacters = 12;
/** Nothing has been told. */
const nothing = '-';
const idPattern = new RegExp(String.raw`^(?:(?:[\w-]{${digestCharacters}}|${nothing})(?:\.|$)){${parts.length}}$`);

export class News {
  readonly #told = new Map<Part, Map<string, string>>();
  readonly #digests: Record<Part, string>;

  /** What is no id of ours tells nothing. */
  constructor(lastEventId: string | undefined) {
    const given = lastEventId !== undefined && idPattern.test(lastEventId) ? lastEventId.split('.') : [];
    this.#digests = Object.fromEntries(parts.map((part, index) => [part, given[index] ?? nothing])) as Record<Part, string>;
  }

  /**
   * What is new in a part's state. Each event is told by being taken, and its id made then: the other parts go on while a slow reader is waited for, and their
   * events must not say that this one's were heard. Only the last one's id says that the whole state has been.
   */
  *of(part: Part, state: readonly Thing[]): Generator<NewsEvent, void> {
    const before = this.#told.get(part);
    const digests = new Map(state.map(({ event, key, data, digested = data }) => [`${event} ${key}`, digestOf(digested)]));
    const digest = digestOf([...digests]);
    this.#told.set(part, digests);
    if (!before && digest === this.#digests[part]) return;
    const news = state.filter(({ event, key }) => before?.get(`${event} ${key}`) !== digests.get(`${event} ${key}`));
    for (const [index, { event, data }] of news.entries()) {
      // A reader that is cut off in between must hear all of it again.
      if (index === news.length - 1) this.#digests[part] = digest;
      yield { event, data, id: parts.map((each) => this.#digests[each]).join('.') };
    }
  }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, digestCharacters);
}
