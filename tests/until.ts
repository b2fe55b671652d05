/** Asks again until the answer fits: what happens in other processes takes the time that it takes. Fails with the last answer after 20 s. */
export async function until<T>(ask: () => T | Promise<T>, fits: (answer: T) => boolean, { withinMs = 20_000, everyMs = 40 } = {}): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (performance.now() > giveUpAt) throw new Error(`still ${JSON.stringify(answer)} after ${withinMs} ms`);
    await new Promise((resolve) => {
      setTimeout(resolve, everyMs);
    });
  }
}
