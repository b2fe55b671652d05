/**
 * Death by hand. Every commit and every PSP call of a service is a step (see steps.ts); this counts them and can kill the service before or after any one:
 * from that moment on nothing that it does reaches its disk or the PSP, as after SIGKILL. What is on the disk at that moment is copied by `onDeath`.
 */
import type { Around } from '../steps.ts';

export type When = 'before' | 'after';
export type Step = {
  /** From 1, since the arming. */
  readonly index: number;
  /** What it is: `psp create`, or `commit` with the method that makes it. */
  readonly label: string;
  /** The how manieth with this label, from 1. */
  readonly nth: number;
};
export type Kill = { when: When; at: (step: Step) => boolean };

class Killed extends Error {
  override readonly name = 'Killed';
}

export type Steps = {
  around: Around;
  /** Counts from 1 again, and kills at the step that fits. */
  arm(kill?: Kill): void;
  /** The steps begun since the arming. */
  readonly taken: readonly Step[];
  readonly killedAt: Step | undefined;
  /** Waits until no step is under way, and none follows. */
  quiet(): Promise<void>;
};

export function watchSteps({ onDeath = () => {} }: { onDeath?: () => void } = {}): Steps {
  let taken: Step[] = [];
  let kill: Kill | undefined;
  let killedAt: Step | undefined;
  let underWay = 0;

  function die(step: Step): never {
    if (!killedAt) {
      killedAt = step;
      onDeath();
    }
    throw new Killed(`at ${step.label}`);
  }

  return {
    async around(name, run) {
      const step = next(name, new Error('here'));
      if (killedAt) return die(killedAt);
      const fatal = kill?.at(step) ? kill.when : undefined;
      if (fatal === 'before') return die(step);
      underWay++;
      try {
        const result = await run();
        // Another step's death may have come meanwhile: then nobody hears of this one's end.
        if (killedAt) return die(killedAt);
        return result;
      } finally {
        underWay--;
        // oxlint-disable-next-line no-unsafe-finally -- death overtakes a failure as well
        if (fatal === 'after') die(step);
      }
    },
    arm(next) {
      taken = [];
      kill = next;
    },
    get taken() {
      return taken;
    },
    get killedAt() {
      return killedAt;
    },
    async quiet() {
      // Between two steps of one piece of work there are a few turns of the event loop at most.
      for (let calm = 0; calm < 5; calm = underWay === 0 ? calm + 1 : 0) {
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
      }
    },
  };

  function next(name: string, here: Error): Step {
    const earlier = taken.length;
    const among = taken;
    const step: Step = {
      index: earlier + 1,
      // Read by few, and a stack takes longer to write out than a step takes to do.
      get label() {
        return name === 'commit' ? `commit ${methodOf(here.stack ?? '')}` : name;
      },
      get nth() {
        return among.slice(0, earlier).filter((one) => one.label === step.label).length + 1;
      },
    };
    taken.push(step);
    return step;
  }
}

/** The first of our own functions above the transaction. */
function methodOf(stack: string): string {
  const frame = stack.split('\n').find((line) => line.includes('/services/payments/src/') && !/\/(steps|steps\.fixture)\.ts/.test(line));
  return /at (?:async )?(?:Object\.)?(\S+) \(/.exec(frame ?? '')?.[1] ?? 'somewhere';
}
