import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type CollectGarbage = (options: { type: 'major'; flavor: 'last-resort' }) => void;

/**
 * Gives back what loading a program leaves behind: sources, compiler's scratch, a young generation grown for it. V8 would keep these pages, about 20 MB, until the
 * process is busy. Takes 100 ms or so, once, in which nothing else runs.
 */
export function giveBackMemory(): void {
  // The function behind the flag is only made in contexts that are made after it is set.
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as CollectGarbage;
  setFlagsFromString('--no-expose-gc');
  collectGarbage({ type: 'major', flavor: 'last-resort' });
}
