/** What somebody without a key may do with a report: open it by its link, and check it by its number. And ending the former. */
import { notFound } from '@kiosk/fault';
import type { LinkStore } from './link-store.ts';
import { tokenSha256Of } from './links.ts';
import type { Report } from './report.ts';
import type { Reports } from './reports.ts';
import type { Store } from './store.ts';
import type { Call } from './tables.ts';

export type ReportLinks = ReturnType<typeof createReportLinks>;

/** The link is the key: whose other key came along does not matter. */
const anybody = { role: 'anonymous', name: '' } as const;

export function createReportLinks({ links, store, reports, now }: {
  links: LinkStore; store: Pick<Store, 'get'>; reports: Pick<Reports, 'get' | 'pdf'>; now: () => number;
}) {
  return {
    /** Fails with `link_unknown`, `link_expired`, `link_revoked`, and as a download does. A mere look is not counted. */
    async open({ token, isLook }: { token: string; isLook: boolean }, call: Call): Promise<{ bytes: Buffer; sha256: string; reportId: string }> {
      const tokenSha256 = tokenSha256Of(token);
      const link = tokenSha256 === undefined ? undefined : await links.find(tokenSha256);
      if (!link || tokenSha256 === undefined) throw notFound('link_unknown', 'There is no such link.');
      if (link.revokedAt !== undefined) throw notFound('link_revoked', 'The link has been revoked.');
      if (link.expiresAt <= now()) throw notFound('link_expired', 'The link has expired.');
      const file = await reports.pdf(link.reportId, { ...call, caller: { ...call.caller, ...anybody } });
      if (!isLook) await links.opened(tokenSha256, { now: now() });
      return { ...file, reportId: link.reportId };
    },

    /** A report that was made, erased ones too: the hash of the customer's own copy still holds. Fails with `report_not_found`. */
    async check(reportId: string): Promise<Report & { sha256: string; pages: number }> {
      const { sha256, pages, ...report } = await store.get(reportId, undefined);
      if (sha256 === undefined || pages === undefined) throw notFound('report_not_found', 'There is no such report.');
      return { ...report, sha256, pages };
    },

    /** Fails with `report_not_found`. A delivery that is sent again later has a new link. */
    async revoke(reportId: string, call: Call): Promise<number> {
      await reports.get(reportId, call);
      return links.revoke(reportId, { now: now(), origin: call });
    },
  };
}
