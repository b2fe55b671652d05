import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mail, Text } from './kept.ts';

type Line = Readonly<{ mail: Omit<Mail, 'raw'> } | { text: Text }>;

/**
 * What lets the outbox survive its own restart: each mail is a file (.eml opens in any mail program; .json is SendGrid's), and outbox.jsonl lists
 * mails and texts; the newest line of an id wins. Everything is written before the client hears that it was taken. Nothing is synced: a power cut may
 * lose the last moments, a killed process does not, and a torn last line is ignored. Without a folder nothing is kept.
 */
export class Storage {
  readonly #folder: string | undefined;
  readonly #lines: Line[] = [];

  constructor({ folder }: { folder: string | undefined }) {
    this.#folder = folder;
    if (folder === undefined) return;
    mkdirSync(join(folder, 'mails'), { recursive: true });
    if (!existsSync(this.#list)) return;
    const text = readFileSync(this.#list, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) writeFileSync(this.#list, whole); // or the next line would be glued to the torn one
    for (const line of whole.split('\n').slice(0, -1)) this.#lines.push(JSON.parse(line) as Line);
  }

  mails(): Mail[] {
    const newest = new Map(this.#lines.flatMap((line) => ('mail' in line ? [[line.mail.id, line.mail]] : [])));
    return [...newest.values()].map((mail) => ({ ...mail, raw: readFileSync(this.#file(mail)) }));
  }

  texts(): Text[] {
    // SMSC's ids may repeat: for each of many numbers, and at another time.
    const newest = new Map(this.#lines.flatMap((line) => ('text' in line ? [[`${line.text.id} ${line.text.to} ${line.text.at}`, line.text]] : [])));
    return [...newest.values()];
  }

  saveMail(mail: Mail): void {
    if (this.#folder === undefined) return;
    writeFileSync(this.#file(mail), mail.raw);
    this.markMail(mail);
  }

  markMail({ raw: _inItsFile, ...mail }: Mail): void {
    if (this.#folder !== undefined) this.#append({ mail });
  }

  saveText(text: Text): void {
    if (this.#folder !== undefined) this.#append({ text });
  }

  clear(): void {
    if (this.#folder === undefined) return;
    writeFileSync(this.#list, '');
    rmSync(join(this.#folder, 'mails'), { recursive: true });
    mkdirSync(join(this.#folder, 'mails'));
  }

  get #list(): string {
    return join(this.#folder ?? '', 'outbox.jsonl');
  }

  #file({ id, provider }: Pick<Mail, 'id' | 'provider'>): string {
    return join(this.#folder ?? '', 'mails', `${id}.${provider === 'smtp' ? 'eml' : 'json'}`);
  }

  #append(line: Line): void {
    appendFileSync(this.#list, `${JSON.stringify(line)}\n`);
  }
}
