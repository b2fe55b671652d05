import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Line = Readonly<{ kind: string; id: string; value: unknown }>;

/**
 * What lets the pretend shop survive its own restart: a file of JSON lines, the newest line of an id wins, a value of null removes it.
 * Everything that one request changes is written by one append, so a kill leaves either all of it or none (a torn last line is ignored).
 * Without a folder nothing is kept. It is not synced: a power cut may lose the last moments, a killed process does not.
 */
export class Storage {
  readonly #path: string | undefined;
  readonly #loaded = new Map<string, Line>();
  #unwritten: string[] = [];

  constructor({ folder }: { folder?: string }) {
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, 'psp.jsonl');
    if (existsSync(this.#path)) this.#read(readFileSync(this.#path, 'utf8'));
    // One line per id from here on, so that the file does not grow with every restart.
    const compact = `${this.#path}.new`;
    writeFileSync(compact, [...this.#loaded.values()].map((line) => `${JSON.stringify(line)}\n`).join(''));
    renameSync(compact, this.#path);
  }

  /** The values of a kind as they stood at the start, oldest first. */
  load<T>(kind: string): T[] {
    return [...this.#loaded.values()].filter((line) => line.kind === kind).map((line) => line.value as T);
  }

  save(kind: string, id: string, value: unknown): void {
    if (this.#path === undefined) return;
    if (this.#unwritten.length === 0) queueMicrotask(() => this.flush());
    this.#unwritten.push(`${JSON.stringify({ kind, id, value } satisfies Line)}\n`);
  }

  /** Writes now what was saved since the last write; called before an answer leaves. */
  flush(): void {
    if (this.#path === undefined || this.#unwritten.length === 0) return;
    const lines = this.#unwritten.join('');
    this.#unwritten = [];
    appendFileSync(this.#path, lines);
  }

  #read(text: string): void {
    const lines = text.split('\n').slice(0, -1); // what follows the last line feed is empty or torn
    for (const text of lines) {
      const line = JSON.parse(text) as Line;
      const key = `${line.kind}/${line.id}`;
      if (line.value === null) this.#loaded.delete(key);
      else this.#loaded.set(key, line);
    }
  }
}
