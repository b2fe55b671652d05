/**
 * Customers who were erased stay erased when older data come back. A restore writes their sessions into a file beside the databases, and so may the operator;
 * each service erases them at every start, before it serves or sends anything.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SettingsError } from './settings.ts';

/** Under STORAGE_PATH: a session's id on each line; what follows a # is for people. */
export const erasedSessionsName = 'erased-sessions.txt';

/** None where there is no such file. Fails with a SettingsError that names each line which is no session's id: nobody is passed over in silence. */
export function readErasedSessions(storagePath: string): string[] {
  const path = join(storagePath, erasedSessionsName);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').map((line) => line.replace(/#.*/, '').trim());
  const problems = lines.flatMap((line, index) => (line === '' || /^ses_\w{1,60}$/.test(line) ? [] : [`${path}: line ${index + 1} is no session's id, ses_…: put it right or remove it`]));
  if (problems.length > 0) throw new SettingsError(problems);
  return lines.filter((line) => line !== '');
}
