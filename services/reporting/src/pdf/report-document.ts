/** What a report's PDF is made from. Apart from the drawing, so that who only asks for one does not load what draws it. */
import type { DiagnosticsData } from '../diagnostics.ts';
import type { ThicknessData, ThicknessLimits } from '../thickness.ts';
import type { Brand } from './header.ts';

/** Change the template, raise its version. */
export const templateVersion = 3;

type DocumentBase = {
  reportId: string;
  sessionId: string;
  /** Epoch ms; also the file's creation date. */
  createdAt: number;
  brand: Brand;
  /** The address behind the QR, where the report can be checked. */
  checkUrl: string;
};
export type DiagnosticsDocument = DocumentBase & { kind: 'diagnostics'; data: DiagnosticsData };
export type ThicknessDocument = DocumentBase & { kind: 'thickness'; data: ThicknessData; limits?: ThicknessLimits };
/** Plain data, so that it can be sent to a worker. `data` has passed validateDiagnostics or validateThickness. */
export type ReportDocument = DiagnosticsDocument | ThicknessDocument;
