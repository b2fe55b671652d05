/** The services' time: the real one, plus what the test has let pass. */
export function createClock() {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    pass(ms: number): void {
      ahead += ms;
    },
  };
}
