/** Reading what the services answer: proto3 has no required fields, and a newer service may know words that this one does not. */

/** An enum of the contract by the API's words. */
export type Words<Word extends string, Wire> = Readonly<Record<Word, Wire>>;

/** The API's word. A value that has none is an internal error: it must not reach a screen as something else. */
export function wordOf<Word extends string, Wire>(words: Words<Word, Wire>, wire: Wire): Word {
  for (const word of Object.keys(words) as Word[]) if (words[word] === wire) return word;
  throw new Error('a service answered with an enum value that has no word');
}

/** A message that every answer of its kind carries. */
export function present<T>(message: T | undefined): T {
  if (message === undefined) throw new Error('a service answered without a message that is always there');
  return message;
}

/** RFC 3339 in UTC. */
export function timeOf(date: Date | undefined): string {
  return present(date).toISOString();
}

export function optionalTimeOf(date: Date | undefined): string | undefined {
  return date?.toISOString();
}

/** JSON text that a service keeps for us; empty means {}. */
export function objectOf(json: string): Record<string, unknown> {
  return json === '' ? {} : JSON.parse(json) as Record<string, unknown>;
}
