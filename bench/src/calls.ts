/** The calls that are measured, as a kiosk makes them, and what a right answer to each is. */
import { randomUUID } from 'node:crypto';
import { requestText, type Answer } from './http-connection.ts';

export const callNames = ['create session', 'get session', 'create intent', 'read status'] as const;
export type CallName = (typeof callNames)[number];

export type Call = {
  request: string;
  /** Throws unless the answer is the right one: errors are answered fast, and measuring them would flatter. */
  check(answer: Answer): void;
};

/** A kiosk's visits: sessions are made, read, and paid for once each, since a session takes one payment. */
export class Visits {
  readonly #sessionIds: string[] = [];
  readonly #intentIds: string[] = [];
  #paid = 0;

  get unpaid(): number {
    return this.#sessionIds.length - this.#paid;
  }

  next(name: CallName): Call {
    if (name === 'create session') return this.#createSession();
    if (name === 'get session') return this.#getSession();
    return name === 'create intent' ? this.#createIntent() : this.#readStatus();
  }

  #createSession(): Call {
    const number = this.#sessionIds.length;
    const body = {
      type: number % 2 === 0 ? 'thickness' : 'diagnostics',
      contact: { email: `visitor-${number}@example.com`, phone: `8 (912) ${String(1_000_000 + number % 9_000_000)}` },
      metadata: { language: 'ru', vehicle: { make: 'LADA', model: 'Granta', bodyType: 'sedan' } },
      kioskId: 'kiosk-7',
    };
    return {
      request: requestText({ method: 'POST', path: '/api/sessions', body }),
      check: (answer) => {
        this.#sessionIds.push(idIn(answer, { status: 201, pattern: /"id":"(ses_[^"]+)"/ }));
      },
    };
  }

  #getSession(): Call {
    const id = this.#sessionIds[Math.floor(Math.random() * this.#sessionIds.length)];
    if (id === undefined) throw new Error('there is no session to get');
    return {
      request: requestText({ method: 'GET', path: `/api/sessions/${id}` }),
      check: (answer) => {
        const found = idIn(answer, { status: 200, pattern: /"id":"(ses_[^"]+)"/ });
        if (found !== id) throw new Error(`asked for ${id}, got ${found}`);
      },
    };
  }

  #createIntent(): Call {
    const sessionId = this.#sessionIds[this.#paid++];
    if (sessionId === undefined) throw new Error('ran out of sessions to pay for');
    const headers = { 'idempotency-key': randomUUID() };
    const description = 'Компьютерная диагностика';
    const body = { amount: 48_000, currency: 'RUB', sessionId, description, metadata: { screen: 'pay' } };
    return {
      request: requestText({ method: 'POST', path: '/api/payments/intent', headers, body }),
      check: (answer) => {
        this.#intentIds.push(idIn(answer, { status: 201, pattern: /"intentId":"(pay_[^"]+)"/ }));
        if (!answer.body.includes('"qrCodeData":"h')) throw new Error(`an intent without a QR code: ${answer.body}`);
      },
    };
  }

  #readStatus(): Call {
    const id = this.#intentIds[Math.floor(Math.random() * this.#intentIds.length)];
    if (id === undefined) throw new Error('there is no intent to read');
    return {
      request: requestText({ method: 'GET', path: `/api/payments/status/${id}` }),
      check: (answer) => {
        const found = idIn(answer, { status: 200, pattern: /"intentId":"(pay_[^"]+)"/ });
        if (found !== id) throw new Error(`asked for ${id}, got ${found}`);
      },
    };
  }
}

function idIn({ status, body }: Answer, expected: { status: number; pattern: RegExp }): string {
  const id = status === expected.status ? expected.pattern.exec(body)?.[1] : undefined;
  if (id === undefined) throw new Error(`expected ${expected.status} with ${expected.pattern.source}, got ${status}: ${body}`);
  return id;
}
