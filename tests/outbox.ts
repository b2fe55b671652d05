/** What the development outbox holds: e-mails as .eml files, text messages as .txt files. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { simpleParser, type ParsedMail } from 'mailparser';

function filesOf(storagePath: string, extension: string): Buffer[] {
  const folder = join(storagePath, 'outbox');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension)).toSorted()
    .map((name) => readFileSync(join(folder, name)));
}

export function emailsIn(storagePath: string): Promise<ParsedMail[]> {
  return Promise.all(filesOf(storagePath, '.eml').map((bytes) => simpleParser(bytes)));
}

export function textMessagesIn(storagePath: string): string[] {
  return filesOf(storagePath, '.txt').map((bytes) => bytes.toString('utf8'));
}
