/** Asks until the answer is good, and answers it. Fails with the last answer, or the last error, when the time is over. */
export async function until<T>(ask: () => T | Promise<T>, good: (answer: T) => boolean, { withinMs = 20_000, everyMs = 100 } = {}): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    let last: unknown;
    try {
      const answer = await ask();
      if (good(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw last instanceof Error ? last : new Error(`after ${withinMs} ms still ${JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
