/** Opening a report by its link, without a key, and ending that. */
import { notFound } from '@kiosk/fault';
import type { LinkStore } from './link-store.ts';
import { tokenSha256Of } from './links.ts';
import type { Reports } from './reports.ts';
import type { Call } from './tables.ts';

export type ReportLinks = ReturnType<typeof createReportLinks>;

export function createReportLinks({ store, reports, now }: { store: LinkStore; reports: Pick<Reports, 'get' | 'pdf'>; now: () => number }) {
  return {
    /** Fails with `link_unknown`, `link_expired`, `link_revoked`, and as a download does. */
    async open(token: string, call: Call): Promise<{ bytes: Buffer; sha256: string; reportId: string }> {
      const tokenSha256 = tokenSha256Of(token);
      const link = tokenSha256 === undefined ? undefined : await store.find(tokenSha256);
      if (!link || tokenSha256 === undefined) throw notFound('link_unknown', 'There is no such link.');
      if (link.revokedAt !== undefined) throw notFound('link_revoked', 'The link has been revoked.');
      if (link.expiresAt <= now()) throw notFound('link_expired', 'The link has expired.');
      const file = await reports.pdf(link.reportId, call);
      await store.opened(tokenSha256, { now: now() });
      return { ...file, reportId: link.reportId };
    },

    /** Fails with `report_not_found`. A delivery that is sent again later has a new link. */
    async revoke(reportId: string, call: Call): Promise<number> {
      await reports.get(reportId, call);
      return store.revoke(reportId, { now: now(), origin: call });
    },
  };
}
