/** Report files. A file is there whole or not at all: written beside its place, synced, renamed, and the folder synced too (D8, P12). */
import { createHash } from 'node:crypto';
import { mkdir, open, opendir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The bytes on disk are not those that were written. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError';
}

export type Files = Pick<ReportFiles, 'write' | 'read' | 'remove'>;

export class ReportFiles {
  readonly #folder: string;

  constructor({ folder }: { folder: string }) {
    this.#folder = folder;
  }

  async write(report: { id: string; createdAt: number }, bytes: Uint8Array): Promise<void> {
    await writeWhole(this.#pathOf(report), bytes);
  }

  /** Undefined where there is no file. Fails with a DamagedFileError where its hash is not the report's. */
  async read(report: { id: string; createdAt: number; sha256?: string }): Promise<Buffer | undefined> {
    const bytes = await readFile(this.#pathOf(report)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes && createHash('sha256').update(bytes).digest('hex') !== report.sha256) throw new DamagedFileError('the file of a report is damaged');
    return bytes;
  }

  /** Does nothing where there is none. */
  async remove(report: { id: string; createdAt: number }): Promise<void> {
    await this.removeAt(this.#pathOf(report));
  }

  async removeAt(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /** Every file, so many at a time; without an id what is not a report's. */
  async* list(most: number): AsyncGenerator<{ path: string; id?: string }[]> {
    for (const year of await namesIn(this.#folder)) {
      for (const month of await namesIn(join(this.#folder, year))) {
        const folder = join(this.#folder, year, month);
        const files: { path: string; id?: string }[] = [];
        // A month may have more files than can be read at once in good time.
        for await (const entry of await opendir(folder, { bufferSize: most }).catch(noEntries)) {
          if (entry.isFile()) files.push({ path: join(folder, entry.name), id: /^(rep_\w+)\.pdf$/.exec(entry.name)?.[1] });
          if (files.length >= most) yield files.splice(0);
        }
        if (files.length > 0) yield files;
      }
    }
  }

  /** Epoch ms; undefined where it is gone meanwhile. */
  async changedAt(path: string): Promise<number | undefined> {
    return (await stat(path).catch(() => undefined))?.mtimeMs;
  }

  async has(report: { id: string; createdAt: number }): Promise<boolean> {
    return await this.changedAt(this.#pathOf(report)) !== undefined;
  }

  /** `<folder>/2026/11/rep_….pdf`, by the month of creation in UTC. */
  #pathOf({ id, createdAt }: { id: string; createdAt: number }): string {
    const [year = '', month = ''] = new Date(createdAt).toISOString().split('-');
    return join(this.#folder, year, month, `${id}.pdf`);
  }
}

/**
 * Replaces the file at `path`, whose folder is made where it is missing. What a killed process left beside it is overwritten. There may be one writer
 * of a path at a time.
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true });
  const temporary = `${path}.part`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(folder);
  // New folders are entries of their parents, up to the one that was there before.
  if (made !== undefined) for (let child = folder; child !== dirname(made); child = dirname(child)) await syncFolder(dirname(child));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

/** For what is not a folder, or is gone. */
function noEntries(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
