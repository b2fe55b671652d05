/**
 * A disk that forgets: what strace saw a process write, sync and send, and the files as a power cut at any moment may leave them. What was synced is there;
 * of what was written since, all, nothing, or any part of any write may be.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type DiskEvent =
  | { kind: 'write'; file: string; offset: number; bytes: Buffer }
  | { kind: 'truncate'; file: string; length: number }
  | { kind: 'sync'; file: string }
  /** Bytes that left the process for its callers. */
  | { kind: 'sent'; bytes: Buffer };

/** The options under which strace writes what `readTrace` reads: a file per thread, so that no line is torn, with the time at which each call began. */
export function straceOptions(prefix: string): string[] {
  return [
    'strace', '-ff', '--timestamps=unix,ns', '-o', prefix, '-y', '-xx', '-s', '65536', '-qq',
    '-e', 'trace=openat,pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,rename,unlink', '-e', 'signal=none', '--',
  ];
}

/** What the threads that write the database did, the one of the commits and the one of the checkpoints, in the order in which they began it. `folder`: only files in it count. */
export function readTrace(prefix: string, folder: string): DiskEvent[] {
  const directory = join(prefix, '..');
  const traces = readdirSync(directory).filter((name) => join(directory, name).startsWith(`${prefix}.`)).map((name) => readFileSync(join(directory, name), 'latin1'));
  const hex = Buffer.from(`${folder}/payments.sqlite`).toString('hex').replaceAll(/../g, '\\x$&');
  const owners = traces.filter((trace) => trace.includes(`<${hex}>, `) || trace.includes(`<${hex}\\x2d\\x77\\x61\\x6c>, `));
  if (owners.length === 0) throw new Error('no thread writes the database');
  const lines = owners.flatMap((trace) => trace.split('\n').map((line) => ({ at: line.slice(0, line.indexOf(' ')), call: line.slice(line.indexOf(' ') + 1) })));
  // Times of one length sort as texts; a number would lose the nanoseconds.
  return lines.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).flatMap(({ call }) => eventOf(call, folder));
}

function eventOf(line: string, folder: string): DiskEvent[] {
  const call = /^(\w+)\((?:\d+<([^>]*)>)?(.*)\)\s+= (-?\d+)/.exec(line);
  if (!call) return [];
  const [, name, hexPath = '', rest = '', result = ''] = call;
  const path = unhex(hexPath).toString();
  if (Number(result) < 0) return [];
  if (/^(TCP|TCPv6|socket):/.test(path) && /^(write|writev|sendto|sendmsg)$/.test(name!)) return [{ kind: 'sent', bytes: bytesIn(rest) }];
  if (!path.startsWith(`${folder}/`)) return [];
  const file = path.slice(folder.length + 1);
  switch (name) {
    case 'pwrite64': {
      const [, length, offset] = /, (\d+), (\d+)$/.exec(rest)!;
      const bytes = bytesIn(rest);
      if (bytes.length !== Number(length) || Number(result) !== bytes.length) throw new Error('a write was not seen whole');
      return [{ kind: 'write', file, offset: Number(offset), bytes }];
    }
    case 'ftruncate':
      return [{ kind: 'truncate', file, length: Number(/, (\d+)$/.exec(rest)![1]) }];
    case 'fsync':
    case 'fdatasync':
      return [{ kind: 'sync', file }];
    case 'write':
    case 'writev':
      throw new Error(`${file} is written in a way that this does not know`);
    default:
      return [];
  }
}

function bytesIn(text: string): Buffer {
  return unhex([...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => hex).join(''));
}

function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}

type Change = Extract<DiskEvent, { kind: 'write' | 'truncate' }>;

/** The files of a folder on such a disk. */
export class ForgetfulDisk {
  readonly #synced = new Map<string, Buffer>();
  readonly #since = new Map<string, Change[]>();

  constructor(files: ReadonlyMap<string, Buffer>) {
    for (const [file, bytes] of files) this.#synced.set(file, bytes);
  }

  happen(event: DiskEvent): void {
    if (event.kind === 'sent') return;
    const since = this.#since.get(event.file) ?? [];
    this.#since.set(event.file, since);
    if (event.kind === 'sync') {
      this.#synced.set(event.file, changed(this.#synced.get(event.file) ?? Buffer.alloc(0), since));
      this.#since.delete(event.file);
    } else since.push(event);
  }

  /** Writes the files as the cut leaves them; `keep` says what is left of each change that was not synced. */
  cut(folder: string, keep: (event: Change) => Change | undefined): void {
    for (const file of new Set([...this.#synced.keys(), ...this.#since.keys()])) {
      const kept = (this.#since.get(file) ?? []).map(keep).filter((event) => event !== undefined);
      const before = this.#synced.get(file);
      // A file that was never synced may not be there at all.
      if (before === undefined && kept.length === 0) continue;
      writeFileSync(join(folder, file), changed(before ?? Buffer.alloc(0), kept));
    }
  }
}

/** A copy with all the changes made. */
function changed(bytes: Buffer, changes: readonly Change[]): Buffer {
  if (changes.length === 0) return bytes;
  const ends = changes.map((event) => (event.kind === 'truncate' ? event.length : event.offset + event.bytes.length));
  const after = Buffer.alloc(Math.max(bytes.length, ...ends));
  bytes.copy(after);
  let { length } = bytes;
  for (const event of changes) {
    if (event.kind === 'truncate') {
      if (event.length < length) after.fill(0, event.length, length);
      ({ length } = event);
    } else {
      event.bytes.copy(after, event.offset);
      length = Math.max(length, event.offset + event.bytes.length);
    }
  }
  return after.subarray(0, length);
}

/** Any part of a write, in the sectors that a disk writes whole. */
export function torn(event: Change, random: () => number): Change | undefined {
  if (random() < 0.4) return undefined;
  if (event.kind === 'truncate' || random() < 0.5) return event;
  const sectors = Math.floor(random() * Math.ceil(event.bytes.length / 512));
  return sectors === 0 ? undefined : { ...event, bytes: event.bytes.subarray(0, sectors * 512) };
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
