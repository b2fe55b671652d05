const dayMs = 24 * 3_600_000;

/** How long the services keep things by default, in ms. */
export const kept = { contactMs: 14 * dayMs, customerMs: 30 * dayMs, recipientMs: 30 * dayMs, linkMs: 60 * dayMs, reportMs: 90 * dayMs, auditMs: 90 * dayMs, keyMs: 7 * dayMs };
