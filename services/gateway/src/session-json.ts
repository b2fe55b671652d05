/** The sessions contract ↔ the API's JSON. */
import { SessionStatus as WireStatus, SessionType as WireType, type Session } from '@kiosk/contracts/sessions/v1/sessions';
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

export function sessionJson(session: Session): z.input<typeof sessionAnswer> {
  return {
    id: session.id,
    type: wordOf(sessionTypes, session.type),
    status: wordOf(sessionStatuses, session.status),
    contact: { email: session.contact?.email, phone: session.contact?.phone },
    metadata: objectOf(session.metadataJson),
    kioskId: session.kioskId,
    failureReason: session.failureReason,
    createdAt: timeOf(session.createdAt),
    updatedAt: timeOf(session.updatedAt),
    completedAt: optionalTimeOf(session.completedAt),
    expiresAt: timeOf(session.expiresAt),
  };
}
