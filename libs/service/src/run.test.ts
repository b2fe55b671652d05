import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { stopWithin } from './service.ts';

/** A process that runs the given body of an async function as its start; `say` writes a line, `log` is a service's log. */
function startProcess(body: string, { ipc = false }: { ipc?: boolean } = {}) {
  const script = `
    import { SettingsError, createLog, run } from '@kiosk/service';
    const say = (line) => process.stdout.write(line + '\\n');
    const log = createLog({ service: 'sessions', level: 'info' });
    const stopped = async () => say('stopped');
    await run(async () => { ${body} });
  `;
  const child = spawn(process.execPath, ['--conditions=@kiosk/source', '--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    stdio: ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const check of waiting) check();
    });
  }
  // Not the child's own close event: it does not come after the channel was disconnected from this side.
  const closed = [child.stdout, child.stderr].map(async (stream) => stream && once(stream, 'close'));
  const ended = once(child, 'exit').then(async ([code]) => {
    await Promise.all(closed);
    return code as number | null;
  });
  return {
    child,
    ended,
    output: () => output,
    said: (text: string) => new Promise<void>((resolve, reject) => {
      const check = () => output.includes(text) && resolve();
      waiting.add(check);
      check();
      void ended.then(() => reject(new Error(`ended without saying "${text}": ${output}`)));
    }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

test.each(['SIGTERM', 'SIGINT'] as const)('G5 %s stops in order and exits 0', async (signal) => {
  await using process = startProcess('return { ready: "sessions are ready", [Symbol.asyncDispose]: stopped };');
  await process.said('sessions are ready');
  process.child.kill(signal);
  expect(await process.ended).toBe(0);
  expect(process.output()).toContain('stopped\n');
});

test('with a log, its own lines tell the story and the last one is not lost', async () => {
  await using process = startProcess('return { ready: "ready", log, [Symbol.asyncDispose]: async () => log.info({}, "database closed") };');
  await process.said('"msg":"ready"');
  process.child.kill('SIGTERM');
  expect(await process.ended).toBe(0);
  expect(process.output()).toContain('"signal":"SIGTERM","msg":"stopping"');
  expect(process.output()).toContain('"msg":"database closed"');
});

test('bad settings end the start with one line and exit 1', async () => {
  await using process = startProcess('throw new SettingsError(["PORT must be a number", "HOST is required"]);');
  expect(await process.ended).toBe(1);
  expect(process.output()).toBe('could not start: PORT must be a number; HOST is required\n');
});

test('any other failed start shows its stack and exits 1', async () => {
  await using process = startProcess('throw new TypeError("a bug");');
  expect(await process.ended).toBe(1);
  expect(process.output()).toMatch(/could not start: TypeError: a bug\n\s+at /);
});

test('a second signal ends a stop that hangs', async () => {
  await using process = startProcess('return { ready: "ready", [Symbol.asyncDispose]: () => { say("hanging"); return new Promise(() => {}); } };');
  await process.said('ready');
  process.child.kill('SIGTERM');
  await process.said('hanging');
  process.child.kill('SIGTERM');
  expect(await process.ended).toBe(1);
});

test('a stop that fails exits 1', async () => {
  await using process = startProcess('return { ready: "ready", [Symbol.asyncDispose]: async () => { throw new Error("disk full"); } };');
  await process.said('ready');
  process.child.kill('SIGTERM');
  expect(await process.ended).toBe(1);
  expect(process.output()).toContain('could not stop in order: Error: disk full');
});

test.each([
  ['an exception', 'setImmediate(() => { throw new Error("canary"); });'],
  ['a rejection', 'setImmediate(() => { Promise.reject(new Error("canary")); Promise.reject(new Error("canary")); });'],
])('X2 %s that nobody caught is logged once, without its message, and exits 1', async (_, body) => {
  await using process = startProcess(`${body} return { ready: "ready", log, [Symbol.asyncDispose]: stopped };`);
  expect(await process.ended).toBe(1);
  expect(process.output().match(/"level":"error"/g)).toHaveLength(1);
  expect(process.output()).not.toContain('canary');
});

test('a supervisor is told when the service is ready, and its end stops the service', async () => {
  await using process = startProcess('return { ready: "ready", [Symbol.asyncDispose]: stopped };', { ipc: true });
  expect(await once(process.child, 'message')).toMatchObject([{ ready: 'ready' }]);
  process.child.disconnect();
  expect(await process.ended).toBe(0);
  expect(process.output()).toContain('stopped\n');
});

test('a supervisor that dies and takes the ends of the pipes along does not turn the stop into a crash', async () => {
  // The stop takes some turns of the event loop, in which the failed write comes back.
  const body = 'for (let turn = 0; turn < 20; turn++) { say("closing"); await new Promise(setImmediate); }';
  await using process = startProcess(`return { ready: "ready", [Symbol.asyncDispose]: async () => { ${body} } };`, { ipc: true });
  await once(process.child, 'message');
  process.child.stdout?.destroy();
  process.child.stderr?.destroy();
  process.child.disconnect();
  expect(await process.ended).toBe(0);
});

test('stopWithin waits for the end, passes a failure on, and gives up in time', async () => {
  await stopWithin(1000, { [Symbol.asyncDispose]: async () => {} });
  await expect(stopWithin(1000, { [Symbol.asyncDispose]: () => Promise.reject(new Error('disk full')) })).rejects.toThrow('disk full');
  await expect(stopWithin(1, { [Symbol.asyncDispose]: () => new Promise(() => {}) })).rejects.toThrow('not stopped within 1 ms');
});
