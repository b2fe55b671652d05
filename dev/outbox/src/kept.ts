/** What was sent: mails and texts, oldest first, and what became of them. */
import type { Storage } from './storage.ts';

export type Mail = Readonly<{
  /** Its number here, from 1. */
  id: string;
  provider: 'smtp' | 'sendgrid';
  /** The envelope's, not the header's. */
  from: string;
  to: readonly string[];
  /** The bytes as they came: a MIME message, or SendGrid's JSON. */
  raw: Buffer;
  /** The header's, with its angle brackets, '' if there is none; SendGrid's x-message-id. */
  messageId: string;
  /** Epoch ms. */
  at: number;
  tls: boolean;
  user?: string;
  /** SendGrid's last event. */
  status?: string;
}>;

export type Text = Readonly<{
  provider: 'smsc' | 'twilio';
  /** As it was written: E.164 or digits. */
  to: string;
  from: string;
  body: string;
  /** SMSC's number or Twilio's sid. */
  id: string;
  parts: number;
  /** Epoch ms. */
  at: number;
  /** SMSC's code or Twilio's word, as its status call tells it. */
  status: number | string;
  statusAt: number;
  statusCallback?: string;
}>;

export class Kept {
  readonly #storage: Storage;
  #mails: Mail[];
  #texts: Text[];
  #lastNumber: number;

  constructor({ storage }: { storage: Storage }) {
    this.#storage = storage;
    this.#mails = storage.mails();
    this.#texts = storage.texts();
    this.#lastNumber = Math.max(0, ...this.#mails.map((mail) => Number(mail.id)));
  }

  mails(): readonly Mail[] {
    return this.#mails;
  }

  texts(): readonly Text[] {
    return this.#texts;
  }

  keepMail(mail: Omit<Mail, 'id'>): Mail {
    this.#lastNumber += 1;
    const kept = { id: String(this.#lastNumber), ...mail };
    this.#storage.saveMail(kept);
    this.#mails.push(kept);
    return kept;
  }

  keepText(text: Text): void {
    this.#storage.saveText(text);
    this.#texts.push(text);
  }

  /** By its number here or its provider's id. */
  mail(id: string): Mail | undefined {
    return this.#mails.find((mail) => mail.id === id) ?? this.#mails.findLast((mail) => mail.messageId === id);
  }

  /** The last of this id: SMSC lets the client choose it, more than once. */
  text(id: string): Text | undefined {
    return this.#texts.findLast((text) => text.id === id);
  }

  markMail(mail: Mail, status: string): void {
    const marked = { ...mail, status };
    this.#storage.markMail(marked);
    this.#mails = this.#mails.map((one) => (one === mail ? marked : one));
  }

  markText(text: Text, { status, at }: { status: number | string; at: number }): Text {
    const marked = { ...text, status, statusAt: at };
    this.#storage.saveText(marked);
    this.#texts = this.#texts.map((one) => (one === text ? marked : one));
    return marked;
  }

  forgetAll(): void {
    this.#mails = [];
    this.#texts = [];
    this.#storage.clear();
  }
}
