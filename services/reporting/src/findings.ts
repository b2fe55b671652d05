/** What a report found, in short: the sentence of the e-mail and the numbers of the metrics, from the same assessment that the PDF prints. */
import { assessDiagnostics, type LookUpDtc, type Severity } from './diagnostics.ts';
import type { ReportDocument } from './pdf/report-document.ts';
import { assessThickness } from './thickness.ts';

export type Findings = {
  /** Russian. */
  summary: string;
  /** One for each fault code; none for paint. */
  severities: readonly Severity[];
};

export function findingsOf(document: ReportDocument, lookUpDtc: LookUpDtc): Findings {
  if (document.kind === 'thickness') {
    const { verdict } = assessThickness(document.data, document.limits);
    return { summary: `${verdict.title}. ${verdict.found}`, severities: [] };
  }
  const { verdict, codes } = assessDiagnostics(document.data, lookUpDtc);
  const severities = [...codes.stored, ...codes.pending, ...codes.permanent].map(({ severity }) => severity);
  return { summary: `${verdict.title}. ${verdict.found}`, severities };
}
