/** Faults by script: at which of the next steps the server goes wrong, and how. Every step that a client reaches is written down. */
import { z } from 'zod';
import { parse } from './refusal.ts';

/** What each fault does. The two that begin with `accept_then` keep the message first: the client cannot know. */
export const FAULT_KINDS = {
  refuse: 'the refusal that is usual here; at connect: closed at once',
  reply: 'refused with `code` (and `text`)',
  too_many: 'SMTP 421, SMSC error 9, Twilio and SendGrid HTTP 429',
  error_500: 'SMTP 451, HTTP 500',
  greylist: 'each recipient is refused once, with 450',
  hang: 'nothing is kept, no answer ever',
  reset: 'nothing is kept, connection reset',
  garbage: 'nothing is kept, an answer of another protocol',
  accept_then_drop: 'kept, then the connection is dropped before the answer',
  accept_then_hang: 'kept, then no answer ever',
  bad_tls: 'the handshake offers a bad `certificate`, by default an expired one',
} as const;
export type FaultKind = keyof typeof FAULT_KINDS;

const everywhere = ['hang', 'reset', 'garbage'] as const;
const answers = ['refuse', 'reply', 'too_many', 'error_500', ...everywhere] as const;
const keepers = ['accept_then_drop', 'accept_then_hang'] as const;

/** The steps of a conversation, and the faults that each can have. starttls is every handshake, the one of implicit TLS too. */
export const STEPS = {
  connect: ['refuse', ...everywhere],
  greeting: answers,
  ehlo: answers,
  starttls: ['bad_tls', ...answers],
  auth: answers,
  mail: answers,
  rcpt: ['greylist', ...answers],
  data: answers,
  after_data: [...keepers, ...answers],
  sms_send: [...keepers, ...answers],
  sms_status: answers,
  sendgrid: [...keepers, ...answers],
} as const satisfies Record<string, readonly FaultKind[]>;
export type Step = keyof typeof STEPS;

/** How the certificate of bad_tls is bad. All but `untrusted` are signed by the authority at `caPath`. */
export const BAD_CERTIFICATES = ['expired', 'other_host', 'untrusted'] as const;
export type BadCertificate = (typeof BAD_CERTIFICATES)[number];

const faultSchema = z.strictObject({
  on: z.enum(Object.keys(STEPS) as [Step, ...Step[]]),
  kind: z.enum(Object.keys(FAULT_KINDS) as [FaultKind, ...FaultKind[]]),
  /** Default 1; `'always'` strikes until the faults are cleared, and is greylist's default. */
  times: z.union([z.literal('always'), z.coerce.number().int().min(1).max(1_000_000)]).optional(),
  /** For reply: SMTP's (400–599), SMSC's (1–9), Twilio's (10000–99999) or SendGrid's HTTP status (400–599). */
  code: z.coerce.number().int().min(1).max(99_999).optional(),
  text: z.string().max(500).optional(),
  /** Only steps about this mailbox or number. Known from rcpt on. */
  recipient: z.string().min(1).optional(),
  /** Only this service's SMS steps. */
  provider: z.enum(['smsc', 'twilio']).optional(),
  certificate: z.enum(BAD_CERTIFICATES).default('expired'),
})
  .refine((fault) => (STEPS[fault.on] as readonly FaultKind[]).includes(fault.kind),
    { message: 'this step cannot have this kind', path: ['kind'] })
  .refine((fault) => (fault.kind === 'reply') === (fault.code !== undefined),
    { message: 'reply needs a code, the others have none', path: ['code'] })
  .refine((fault) => !isSmtp(fault.on) || fault.code === undefined || (fault.code >= 400 && fault.code <= 599),
    { message: 'SMTP refuses with 400–599', path: ['code'] })
  .refine((fault) => fault.on !== 'sendgrid' || fault.code === undefined || (fault.code >= 400 && fault.code <= 599),
    { message: 'HTTP refuses with 400–599', path: ['code'] })
  .refine((fault) => !fault.on.startsWith('sms_') || fault.code === undefined || fault.code <= 9 || fault.code >= 10_000,
    { message: 'SMSC refuses with 1–9, Twilio with 10000–99999', path: ['code'] })
  .transform((fault) => ({
    ...fault,
    times: fault.times ?? (fault.kind === 'greylist' ? 'always' as const : 1),
    // The code tells whose it is.
    provider: fault.on.startsWith('sms_') && fault.code !== undefined ? (fault.code <= 9 ? 'smsc' as const : 'twilio' as const) : fault.provider,
  }));
export type FaultInput = z.input<typeof faultSchema>;
export type Fault = z.output<typeof faultSchema>;

/** A step that a client reached: what it was about and what befell it. */
export type Reached = Readonly<{ at: number; on: Step; provider?: 'smsc' | 'twilio'; recipients: readonly string[]; fault?: FaultKind }>;

/** The first fault that fits strikes; one step meets at most one fault. */
export class Faults {
  readonly journal: Reached[] = [];
  readonly #now: () => number;
  readonly #greylisted = new Set<string>();
  #script: Fault[] = [];

  constructor({ now }: { now: () => number }) {
    this.#now = now;
  }

  /** Fails with a `Refusal` for words it does not know, or that do not go together. */
  add(fault: FaultInput): void {
    this.#script.push(parse(faultSchema, fault));
  }

  clear(): void {
    this.#script = [];
    this.#greylisted.clear();
  }

  all(): readonly Fault[] {
    return this.#script;
  }

  reach({ on, provider, recipients = [] }: { on: Step; provider?: 'smsc' | 'twilio'; recipients?: readonly string[] }): Fault | undefined {
    const mailboxes = recipients.map((one) => one.toLowerCase());
    const fault = this.#script.find((one) => one.on === on
      && (one.provider === undefined || one.provider === provider)
      && (one.recipient === undefined || mailboxes.includes(one.recipient.toLowerCase()))
      && (one.kind !== 'greylist' || !mailboxes.every((mailbox) => this.#greylisted.has(mailbox))));
    if (fault?.kind === 'greylist') for (const mailbox of mailboxes) this.#greylisted.add(mailbox);
    if (fault !== undefined) this.#script = this.#script.flatMap((one) => (one === fault ? afterStroke(one) : [one]));
    this.journal.push({ at: this.#now(), on, provider, recipients, fault: fault?.kind });
    return fault;
  }
}

/** One time less, and gone at the last. */
function afterStroke(fault: Fault): Fault[] {
  if (fault.times === 'always') return [fault];
  return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [];
}

function isSmtp(step: Step): boolean {
  return !step.startsWith('sms_') && step !== 'sendgrid';
}
