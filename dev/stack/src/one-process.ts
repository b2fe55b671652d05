/** `npm start -- --one-process`: the four services in one process, for a box with little memory. Their databases and ports are the same as ever. */
import { Inside } from '@kiosk/rpc';
import { run, type Running } from '@kiosk/service';
import { serviceNames } from './services.ts';
import { startService } from './start-service.ts';

async function startAll(): Promise<Running> {
  await using starting = new AsyncDisposableStack();
  const inside = new Inside();
  const ready: string[] = [];
  // Each ends before those it calls.
  for (const name of serviceNames) ready.push(starting.use(await startService(name, { env: process.env }, { inside })).ready);
  const running = starting.move();
  return { ready: `all in one process: ${ready.join('; ')}`, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

await run(startAll);
