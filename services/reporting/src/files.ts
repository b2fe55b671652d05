/** Report files. A file is there whole or not at all: written beside its place, synced, renamed, and the folder synced too (D8, P12). */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
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

  /** Every file, a month at a time; without an id what is not a report's. `changedAt` is epoch ms. */
  async* list(): AsyncGenerator<{ path: string; id?: string; changedAt: number }[]> {
    for (const year of await namesIn(this.#folder)) {
      for (const month of await namesIn(join(this.#folder, year))) {
        const folder = join(this.#folder, year, month);
        const files = await Promise.all((await namesIn(folder)).map(async (name) => {
          const path = join(folder, name);
          // Gone meanwhile: nothing to say of it.
          const found = await stat(path).catch(() => undefined);
          return found?.isFile() ? [{ path, id: /^(rep_\w+)\.pdf$/.exec(name)?.[1], changedAt: found.mtimeMs }] : [];
        }));
        yield files.flat();
      }
    }
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

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
