/** For the tests: the service at the pretend YooKassa, over real HTTP, both on one clock. */
import { copyFileSync, existsSync, mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SessionStatus, type Session } from '@kiosk/contracts/sessions/v1/sessions';
import { openDatabase } from '@kiosk/database';
import type { Fault } from '@kiosk/fault';
import { startPsp, type Psp, type PspOptions, type PspPayment } from '@kiosk/psp';
import {
  migrations, standInSessions, startClock, startTestPayments, type Clock, type StandInSessions, type TestPayments,
} from '../testing.ts';
import { watchSteps, type Kill, type Steps } from './steps.fixture.ts';
import { startWebhook } from './webhook.fixture.ts';

export const shopId = '506751';
export const secretKey = 'test_secret-of-the-pretend-shop';
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const operator = { caller: { role: 'operator', name: 'anna' } } as const;

/** Just after midnight in Moscow: the daily reconciliation's hour is far, so that it takes no part unless it is asked to. */
export const nightStart = Date.UTC(2026, 10, 19, 21, 10);

export type Shop = AsyncDisposable & {
  readonly psp: Psp;
  readonly clock: Clock;
  readonly sessions: StandInSessions;
  /** The service as it runs now. */
  readonly payments: TestPayments;
  readonly steps: Steps;
  /** Where its database is. */
  readonly folder: string;
  /** Kills the service, as it stands or at a step to come, which is then waited for by `restart`. */
  kill(): void;
  /** Stops the service in order. */
  stop(): Promise<void>;
  /** Stops the service, or buries what a kill left, and starts it anew on what is on the disk. A kill can strike the start already. */
  restart(options?: { kill?: Kill; /** Over what it had. */ settings?: Record<string, string> }): Promise<void>;
  /** Time passes as the service sees it. */
  pass(options: { ms: number; everyMs: number }): Promise<void>;
  /** The PSP's notifications that are due arrive, and what they set off is done. */
  deliver(): Promise<void>;
  /** All that goes wrong is over, and time passes until nothing is left to do. `leastMs`: time leaps by that at least. */
  drain(options?: { leastMs?: number }): Promise<void>;
  /** A session as the sessions service has it, even while that is down; for changing it, too. Fails where there is none. */
  sessionOf(sessionId: string): Promise<Session>;
  /** The PSP's payments for an intent, oldest first. */
  paymentsOf(intentId: string): PspPayment[];
};

export type ShopOptions = {
  /** Over the defaults, by their names in the environment. */
  settings?: Record<string, string>;
  psp?: Partial<PspOptions>;
  startAt?: number;
};

export async function openShop({ settings: first = {}, psp: pspOptions = {}, startAt = nightStart }: ShopOptions = {}): Promise<Shop> {
  await using opening = new AsyncDisposableStack();
  const clock = startClock(startAt);
  const standIn = standInSessions(clock);
  let down: Fault | undefined;
  const sessions: StandInSessions = {
    ...standIn,
    rpc: { ...standIn.rpc, getSession: (asked, call) => (down ? Promise.reject(down) : standIn.rpc.getSession(asked, call)) },
    fail: (fault) => {
      down = fault;
    },
  };
  let payments: TestPayments | undefined;
  let steps = watchSteps();
  let settings = first;
  const webhook = opening.use(await startWebhook(() => payments));
  const psp = opening.use(await startPsp({ shopId, secretKey, now: clock.now, webhookUrl: webhook.url, ...pspOptions }));
  let folder = newFolder();
  copyFileSync(await migratedFile(), join(folder.path, 'payments.sqlite'));
  let left: ReturnType<typeof newFolder> | undefined;
  opening.defer(() => {
    folder[Symbol.dispose]();
    left?.[Symbol.dispose]();
  });

  async function start(kill?: Kill): Promise<void> {
    const { path } = folder;
    steps = watchSteps({
      onDeath: () => {
        left = newFolder();
        for (const file of ['payments.sqlite', 'payments.sqlite-wal']) if (existsSync(join(path, file))) copyFileSync(join(path, file), join(left.path, file));
      },
    });
    steps.arm(kill);
    payments = await startTestPayments({
      folder: path, clock, sessions, around: steps.around,
      settings: {
        PAYMENTS_PROVIDER: 'yookassa', YOOKASSA_SHOP_ID: shopId, YOOKASSA_SECRET_KEY: secretKey, YOOKASSA_API_URL: psp.url,
        YOOKASSA_TIMEOUT_MS: '30000', ...settings,
      },
    });
    // What a start does by itself is over before a test begins.
    await steps.quiet();
  }

  async function stop(): Promise<void> {
    const stopping = payments;
    payments = undefined;
    await stopping?.[Symbol.asyncDispose]();
  }

  async function work(): Promise<void> {
    await payments!.work();
    await steps.quiet();
  }

  await start();
  opening.defer(stop);
  const closing = opening.move();
  return {
    psp, clock, sessions,
    get payments() {
      if (!payments) throw new Error('the service is not running');
      return payments;
    },
    get steps() {
      return steps;
    },
    get folder() {
      return folder.path;
    },
    stop,
    kill: () => {
      steps.arm({ when: 'before', at: () => true });
      steps.around('kill', () => Promise.resolve()).catch(() => {});
    },
    async restart({ kill, settings: changed = {} } = {}) {
      await stop();
      settings = { ...settings, ...changed };
      if (left) {
        folder[Symbol.dispose]();
        folder = left;
        left = undefined;
      }
      await start(kill).catch((error: unknown) => {
        if (!steps.killedAt) throw error;
      });
    },
    async pass({ ms, everyMs }) {
      for (let passed = 0; passed < ms; passed += everyMs) {
        clock.advance(Math.min(everyMs, ms - passed));
        await work();
      }
    },
    async deliver() {
      await psp.deliverNotifications();
      await steps.quiet();
      await work();
    },
    async drain({ leastMs = 0 } = {}) {
      psp.faults.clear();
      psp.notificationFaults.clear();
      psp.settings.refundsByHand = false;
      sessions.fail(undefined);
      for (const refund of psp.refunds()) if (refund.status === 'pending') psp.settleRefund(refund.id);
      for (let round = 0; round < 1000; round++) {
        await psp.deliverNotifications();
        await steps.quiet();
        await work();
        const dueAt = await nextDueAt(payments!);
        if (dueAt === undefined) return;
        clock.advance(Math.max(dueAt - clock.now(), leastMs, 1));
      }
      throw new Error('it never comes to rest');
    },
    sessionOf: async (sessionId) => (await standIn.rpc.getSession({ sessionId })).session!,
    paymentsOf: (intentId) => psp.payments().filter(({ metadata }) => metadata['intent_id'] === intentId),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function nextDueAt({ rows }: TestPayments): Promise<number | undefined> {
  const times = await Promise.all([
    rows.selectFrom('intents').select((min) => min.fn.min('next_action_at').as('at')).executeTakeFirst(),
    rows.selectFrom('intents').select((min) => min.fn.min('serve_check_at').as('at')).executeTakeFirst(),
    rows.selectFrom('refunds').select((min) => min.fn.min('next_action_at').as('at')).executeTakeFirst(),
  ]);
  const due = times.map((row) => row?.at ?? Infinity);
  const soonest = Math.min(...due);
  return soonest === Infinity ? undefined : soonest;
}

/** In memory where the machine has such a place: the tests of what the disk keeps have their own. */
export function newFolder() {
  return mkdtempDisposableSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'yookassa-'));
}

let migrated: Promise<string> | undefined;

/** A database that is ready for use, made once. */
function migratedFile(): Promise<string> {
  migrated ??= (async () => {
    const folder = newFolder();
    process.on('exit', () => folder.remove());
    const path = join(folder.path, 'payments.sqlite');
    await using _database = await openDatabase({ path, migrations, onFatal: () => {} });
    return path;
  })();
  return migrated;
}

const endings = {
  completed: SessionStatus.SESSION_STATUS_COMPLETED, expired: SessionStatus.SESSION_STATUS_EXPIRED, failed: SessionStatus.SESSION_STATUS_FAILED,
} as const;

/** The visit ends. */
export async function endSession({ sessionOf, clock }: Shop, sessionId: string, how: 'completed' | 'expired' | 'failed'): Promise<void> {
  const session = await sessionOf(sessionId);
  session.status = endings[how];
  session.updatedAt = new Date(clock.now());
}

/** Makes a payment or a refund as somebody else with the same shop would. Gives its id. */
export async function elsewhere(shop: Shop, path: string, body: object): Promise<string> {
  const answer = await fetch(`${shop.psp.url}${path}`, {
    method: 'POST', body: JSON.stringify(body),
    headers: { authorization: `Basic ${btoa(`${shopId}:${secretKey}`)}`, 'idempotence-key': crypto.randomUUID(), 'content-type': 'application/json' },
  });
  if (!answer.ok) throw new Error(`the shop answered ${answer.status}`);
  return ((await answer.json()) as { id: string }).id;
}
