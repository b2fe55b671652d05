/**
 * What a diagnostics scan found and what it means for a buyer. `DiagnosticsData` is what the kiosk sends; `assessDiagnostics` turns it,
 * with the dictionary, into everything the report prints. Pure: no clock, no files. The rules of the verdict stand in `diagnostics-
 * verdict.ts`.
 */
import { usualAdvice, usualCauses } from './diagnostics-advice.ts';
import { readinessLevel, monitorTitles, type ReadinessLevel } from './diagnostics-monitors.ts';
import { parameterNorms, russianUnit } from './diagnostics-parameters.ts';
import { verdictFor, conclusionsFor, type Verdict } from './diagnostics-verdict.ts';
import { vinRemark } from './vin.ts';

export { validateDiagnostics } from './diagnostics-limits.ts';

export type Severity = 'high' | 'medium' | 'low';
export type CodeStatus = 'stored' | 'pending' | 'permanent';

export type DiagnosticsData = {
  vehicleMake: string;
  vehicleModel: string;
  year?: number;
  vin?: string;
  mileageKm?: number;
  /** A code without status counts as stored, without description or severity gets the dictionary's. */
  dtcCodes: ReadonlyArray<{ code: string; description?: string; severity?: Severity; status?: CodeStatus }>;
  milOn?: boolean;
  /** Empty or absent: the scanner read none. */
  monitors?: ReadonlyArray<{ name: string; ready: boolean }>;
  parameters?: ReadonlyArray<{ name: string; value: number; unit: string }>;
  /** Epoch ms of the scan. */
  timestamp: number;
  durationMs?: number;
  /** The fault memory was cleared during this visit, at `clearedAt` (epoch ms). */
  cleared?: boolean;
  clearedAt?: number;
};

/** What the dictionary knows about a code; `maker` and `unknown` codes get an honest sentence instead of a guess. */
export type DtcMeaning = {
  code: string;
  origin: 'generic' | 'maker' | 'unknown';
  meaning: string;
  severity: Severity;
  causes: readonly string[];
  advice?: string;
};
export type LookUpDtc = (code: string) => DtcMeaning;

export type AssessedCode = DtcMeaning & { status: CodeStatus; advice: string };

/**
 * `low`, `high`: out of the normal range; `stop`: so far out that driving on is dangerous; `unjudged`: no range is known for this name and
 * unit.
 */
export type ParameterJudgement = 'normal' | 'low' | 'high' | 'stop' | 'unjudged';
export type AssessedParameter = {
  name: string;
  title: string;
  value: number;
  unit: string;
  normal?: { min?: number; max?: number };
  judgement: ParameterJudgement;
  hint?: string;
};

export type Clearing = 'before_scan' | 'after_scan' | 'unknown_time';

export type DiagnosticsAssessment = {
  verdict: Verdict;
  /** Each group by severity, then code; a code that the kiosk sent twice in one group stands once. */
  codes: Record<CodeStatus, AssessedCode[]>;
  codeCount: number;
  readiness: { level: ReadinessLevel; ready: number; total: number; monitors: Array<{ name: string; title: string; ready: boolean }> };
  /** Absent when the fault memory was not cleared during this visit. */
  clearing?: Clearing;
  parameters: AssessedParameter[];
  vinRemark?: string;
  conclusions: string[];
};

const SEVERITY_ORDER: Record<Severity, number> = { high: 0, medium: 1, low: 2 };

function assessCodes(data: DiagnosticsData, lookUpDtc: LookUpDtc): Record<CodeStatus, AssessedCode[]> {
  const groups: Record<CodeStatus, Map<string, AssessedCode>> = { stored: new Map(), pending: new Map(), permanent: new Map() };
  for (const { code, description, severity, status = 'stored' } of data.dtcCodes) {
    const known = lookUpDtc(code);
    const assessed = {
      ...known,
      code,
      status,
      meaning: description ?? known.meaning,
      severity: severity ?? known.severity,
      causes: usualCauses(known),
      advice: usualAdvice(known),
    };
    const earlier = groups[status].get(code);
    if (!earlier || SEVERITY_ORDER[assessed.severity] < SEVERITY_ORDER[earlier.severity]) groups[status].set(code, assessed);
  }
  const sorted = (group: Map<string, AssessedCode>): AssessedCode[] =>
    [...group.values()].sort((a, b) => SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity] || (a.code < b.code ? -1 : 1));
  return { stored: sorted(groups.stored), pending: sorted(groups.pending), permanent: sorted(groups.permanent) };
}

function assessParameter({ name, value, unit: sentUnit }: { name: string; value: number; unit: string }): AssessedParameter {
  const unit = russianUnit(sentUnit);
  const norm = Object.hasOwn(parameterNorms, name) ? parameterNorms[name] : undefined;
  if (!norm) return { name, title: name, value, unit, judgement: 'unjudged' };
  const { title, min, max, stopBelow, stopAbove, whenLow, whenHigh } = norm;
  if (norm.unit !== unit || (min === undefined && max === undefined)) return { name, title, value, unit, judgement: 'unjudged' };
  const found = { name, title, value, unit, normal: { min, max } };
  if (stopBelow !== undefined && value < stopBelow) return { ...found, judgement: 'stop', hint: whenLow };
  if (stopAbove !== undefined && value > stopAbove) return { ...found, judgement: 'stop', hint: whenHigh };
  if (min !== undefined && value < min) return { ...found, judgement: 'low', hint: whenLow };
  if (max !== undefined && value > max) return { ...found, judgement: 'high', hint: whenHigh };
  return { ...found, judgement: 'normal' };
}

/** An oil pressure of zero is dangerous only while the engine runs; with the engine off, or unknown, it is nothing to judge. */
function dropMeaninglessStops(parameters: AssessedParameter[]): AssessedParameter[] {
  const rpm = parameters.find((parameter) => parameter.name === 'rpm')?.value;
  const running = rpm !== undefined && rpm > 300;
  if (running) return parameters;
  return parameters.map((parameter) =>
    parameter.name === 'oil_pressure' || (parameter.name === 'rpm' && parameter.value === 0)
      ? { ...parameter, judgement: 'unjudged' as const, hint: undefined }
      : parameter,
  );
}

function clearing({ cleared, clearedAt, timestamp }: DiagnosticsData): Clearing | undefined {
  if (!cleared && clearedAt === undefined) return undefined;
  if (clearedAt === undefined) return 'unknown_time';
  return clearedAt <= timestamp ? 'before_scan' : 'after_scan';
}

export function assessDiagnostics(data: DiagnosticsData, lookUpDtc: LookUpDtc): DiagnosticsAssessment {
  const codes = assessCodes(data, lookUpDtc);
  const monitors = (data.monitors ?? []).map(({ name, ready }) => ({
    name,
    ready,
    title: Object.hasOwn(monitorTitles, name) ? (monitorTitles[name] ?? name) : name,
  }));
  const facts = {
    codes,
    codeCount: codes.stored.length + codes.pending.length + codes.permanent.length,
    readiness: {
      level: readinessLevel(data.monitors),
      ready: monitors.filter((monitor) => monitor.ready).length,
      total: monitors.length,
      monitors,
    },
    clearing: clearing(data),
    parameters: dropMeaninglessStops((data.parameters ?? []).map(assessParameter)),
    vinRemark: data.vin === undefined ? undefined : vinRemark(data.vin),
    milOn: data.milOn,
  };
  const verdict = verdictFor(facts);
  return { ...facts, verdict, conclusions: conclusionsFor({ ...facts, verdict }) };
}
