/** The name that was probably meant. */

/** The known name that differs least, if it differs in no more than a third of its characters; undefined where nothing is near. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const upper = name.toUpperCase();
  // A name that was cut short, or that something was added to.
  const related = known.find((candidate) => candidate.length > 5 && upper.length > 5 && (candidate.startsWith(upper) || upper.startsWith(candidate)));
  if (related !== undefined) return related;
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(upper, candidate);
    if (!best || distance < best.distance) best = { candidate, distance };
  }
  return best && best.distance <= Math.min(6, best.candidate.length / 3) ? best.candidate : undefined;
}

/** How many characters have to be inserted, deleted or replaced (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
