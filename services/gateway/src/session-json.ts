/** The sessions contract ↔ the API's JSON. */
import { SessionStatus as WireStatus, SessionType as WireType, type Session } from '@kiosk/contracts/sessions/v1/sessions';
import type { Caller } from '@kiosk/rpc';
import type { z } from 'zod';
import type { sessionAnswer } from './answers.ts';
import type { sessionStatus, sessionType } from './schemas.ts';
import { objectOf, optionalTimeOf, timeOf, wordOf, type Words } from './wire.ts';

export const sessionTypes: Words<z.infer<typeof sessionType>, WireType> = {
  thickness: WireType.SESSION_TYPE_THICKNESS,
  diagnostics: WireType.SESSION_TYPE_DIAGNOSTICS,
};

export const sessionStatuses: Words<z.infer<typeof sessionStatus>, WireStatus> = {
  active: WireStatus.SESSION_STATUS_ACTIVE,
  completed: WireStatus.SESSION_STATUS_COMPLETED,
  expired: WireStatus.SESSION_STATUS_EXPIRED,
  failed: WireStatus.SESSION_STATUS_FAILED,
};

/** For who entered the contact, and for operators. */
export function sessionJson(session: Session): z.input<typeof sessionAnswer> {
  return json(session, (contact) => contact);
}

/** For everybody else: enough for the contact's owner to recognise, and for nobody else to use. */
export function maskedSessionJson(session: Session): z.input<typeof sessionAnswer> {
  return json(session, ({ email, phone }) => ({
    email: email && `${email.slice(0, 1)}***${email.slice(email.lastIndexOf('@'))}`,
    phone: phone && `${phone.slice(0, 5)}***${phone.slice(-4)}`,
  }));
}

/** A kiosk sees a contact in full where it says it itself; what it reads back later is masked. */
export function jsonFor({ role }: Pick<Caller, 'role'>): typeof sessionJson {
  return role === 'kiosk' ? maskedSessionJson : sessionJson;
}

type EmailAndPhone = { email?: string; phone?: string };

function json(session: Session, show: (contact: EmailAndPhone) => EmailAndPhone): z.input<typeof sessionAnswer> {
  const { email, phone, consent } = session.contact ?? {};
  return {
    id: session.id,
    type: wordOf(sessionTypes, session.type),
    status: wordOf(sessionStatuses, session.status),
    contact: { ...show({ email, phone }), consent: consent && { textVersion: consent.textVersion, at: timeOf(consent.at) } },
    metadata: objectOf(session.metadataJson),
    kioskId: session.kioskId,
    failureReason: session.failureReason,
    createdAt: timeOf(session.createdAt),
    updatedAt: timeOf(session.updatedAt),
    completedAt: optionalTimeOf(session.completedAt),
    expiresAt: timeOf(session.expiresAt),
    erasedAt: optionalTimeOf(session.erasedAt),
  };
}
