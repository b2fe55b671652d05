/**
 * How many visits may begin (G4). A visit's report comes last and is most of its work, minutes after its first call and with the money taken in between. Once a report
 * is refused because there is too much, visits begin no faster than reports were made lately, fewer and fewer of them while that goes on, and a few more each second
 * afterwards: if all who wait were let in at once, as many would have paid in vain a little later. See docs/decisions/0020.
 */
export interface Newcomers {
  /** Whether a visit may begin now. */
  mayBegin(): boolean;
  /** A visit began. */
  began(): void;
  /** A report was made. */
  served(): void;
  /** A report was refused because there is too much. */
  turnedAway(): void;
}

/** Of how many begin in a second, each second. Those who begin now ask for their reports much later, so faster would be too fast. */
const [fall, growth] = [0.8, 1.01];
/** After so long it is twenty times as many, which is no limit. */
const limitedMs = 300_000;
/** Without any there would be no evidence of how many there could be. */
const fewestPerSecond = 1;
/** The best of so many windows counts: in the last of them the machine may have done nothing for a while, which is then why somebody was refused. */
const windows = 12;
const windowMs = 5000;

/** What so many reports in a window are in a second. */
function perSecondIn(count: number): number {
  return (1000 * count) / windowMs;
}

/** `now` in ms, of a clock that is never set. Whoever was refused comes again within `comeAgainMs`. */
export function createNewcomers({ comeAgainMs, now }: { comeAgainMs: number; now: () => number }): Newcomers {
  let windowSince = now();
  /** Reports made in each window, the one that is not over first. */
  let served: number[] = [0];
  /** When somebody was turned away first, and until when nobody may have been for that to be over. */
  let crowded = { since: -Infinity, until: -Infinity };
  /** What reports were made then, or later where that is more: a gateway that has just started had made hardly any. */
  let servedPerSecond = 0;
  let allowed = { count: 0, at: 0 };

  function roll(): void {
    const over = Math.floor((now() - windowSince) / windowMs);
    if (over === 0) return;
    windowSince += over * windowMs;
    served = [...Array.from({ length: Math.min(over, windows) }, () => 0), ...served].slice(0, windows);
  }

  function perSecondAt(at: number): number {
    const { since, until } = crowded;
    return servedPerSecond * (at < until ? fall ** (1 + (at - since) / 1000) : growth ** ((at - until) / 1000));
  }

  /** Those of a second that nobody came in may still come, and no more. */
  function isAllowed(): boolean {
    const at = now();
    const perSecond = perSecondAt(at);
    if (at > allowed.at) allowed = { count: Math.min(Math.max(1, perSecond), allowed.count + (perSecond * (at - allowed.at)) / 1000), at };
    return allowed.count >= 1;
  }

  return {
    mayBegin: () => now() >= crowded.until + limitedMs || isAllowed(),
    began: () => void allowed.count--,
    served() {
      roll();
      servedPerSecond = Math.max(servedPerSecond, perSecondIn(++served[0]!));
    },
    turnedAway() {
      roll();
      const at = now();
      servedPerSecond = Math.max(fewestPerSecond, perSecondIn(Math.max(...served)));
      if (at >= crowded.until) allowed = { count: 0, at };
      crowded = { since: at < crowded.until ? crowded.since : at, until: at + comeAgainMs };
    },
  };
}
