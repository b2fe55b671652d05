/** Limits on every field of a diagnostics scan, so that no input makes a report unreadable, endless or deceptive. */
import { invalid } from '@kiosk/fault';
import type { CodeStatus, DiagnosticsData, Severity } from './diagnostics.ts';
import { requireNumber, requireText } from './template-text.ts';
import { vinKind } from './vin.ts';

const reason = 'invalid_diagnostics';
const DTC = /^[PCBU][0-3][0-9A-F]{3}$/;
const SEVERITIES: readonly Severity[] = ['high', 'medium', 'low'];
const STATUSES: readonly CodeStatus[] = ['stored', 'pending', 'permanent'];

export const diagnosticsLimits = {
  codes: 200,
  monitors: 30,
  parameters: 100,
  nameLength: 100,
  descriptionLength: 300,
  unitLength: 20,
  mileageKm: 3_000_000,
  yearFrom: 1950,
  /** A scan takes minutes; a day is a broken clock. */
  durationMs: 86_400_000,
  parameterValue: 1e9,
  /** 1 January 2000 … 2100: anything else is a broken clock. */
  timeFrom: 946_684_800_000,
  timeTo: 4_102_444_800_000,
} as const;

function requireList<Item>(value: readonly Item[] | undefined, path: string, max: number): readonly Item[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(reason, `${path} must be a list`, path);
  if (value.length > max) throw invalid(reason, `${path} has more than ${max} entries`, path);
  return value;
}

function requireOneOf<Word extends string>(value: Word | undefined, path: string, words: readonly Word[]): Word | undefined {
  if (value === undefined || words.includes(value)) return value;
  throw invalid(reason, `${path} must be one of ${words.join(', ')}`, path);
}

function requireFlag(value: boolean | undefined, path: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(reason, `${path} must be true or false`, path);
}

function requireVin(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const vin = requireText({ value, path: 'vin', maxLength: 17, reason }).toUpperCase();
  if (vinKind(vin) === undefined) {
    throw invalid(reason, 'vin must be 17 letters and digits without I, O and Q, or a Japanese frame number', 'vin');
  }
  return vin;
}

function requireTime(value: number, path: string): number {
  return requireNumber({ value, path, min: diagnosticsLimits.timeFrom, max: diagnosticsLimits.timeTo, integer: true, reason });
}

/**
 * Gives the data in normal form: texts trimmed, codes and VIN in upper case. Throws Fault invalid, reason `invalid_diagnostics`, with the
 * field's path in the message. The latest year is the one after the scan's own, so that the same data is judged the same at any time.
 */
export function validateDiagnostics(data: DiagnosticsData): DiagnosticsData {
  const limits = diagnosticsLimits;
  const name = (value: unknown, path: string) => requireText({ value, path, maxLength: limits.nameLength, reason });
  const timestamp = requireTime(data.timestamp, 'timestamp');
  const yearTo = new Date(timestamp).getUTCFullYear() + 1;
  return {
    vehicleMake: name(data.vehicleMake, 'vehicleMake'),
    vehicleModel: name(data.vehicleModel, 'vehicleModel'),
    year:
      data.year === undefined
        ? undefined
        : requireNumber({ value: data.year, path: 'year', min: limits.yearFrom, max: yearTo, integer: true, reason }),
    vin: requireVin(data.vin),
    mileageKm:
      data.mileageKm === undefined
        ? undefined
        : requireNumber({ value: data.mileageKm, path: 'mileageKm', min: 0, max: limits.mileageKm, reason }),
    dtcCodes: requireList(data.dtcCodes, 'dtcCodes', limits.codes).map((entry, index) => {
      const path = `dtcCodes[${index}]`;
      const code = requireText({ value: entry.code, path: `${path}.code`, maxLength: 5, reason }).toUpperCase();
      if (!DTC.test(code)) throw invalid(reason, `${path}.code is not a trouble code such as P0301`, `${path}.code`);
      return {
        code,
        description:
          entry.description === undefined
            ? undefined
            : requireText({ value: entry.description, path: `${path}.description`, maxLength: limits.descriptionLength, reason }),
        severity: requireOneOf(entry.severity, `${path}.severity`, SEVERITIES),
        status: requireOneOf(entry.status, `${path}.status`, STATUSES),
      };
    }),
    milOn: requireFlag(data.milOn, 'milOn'),
    monitors:
      data.monitors
      && requireList(data.monitors, 'monitors', limits.monitors).map((monitor, index) => ({
        name: name(monitor.name, `monitors[${index}].name`),
        ready: requireFlag(monitor.ready, `monitors[${index}].ready`) ?? false,
      })),
    parameters:
      data.parameters
      && requireList(data.parameters, 'parameters', limits.parameters).map((parameter, index) => ({
        name: name(parameter.name, `parameters[${index}].name`),
        value: requireNumber({
          value: parameter.value,
          path: `parameters[${index}].value`,
          min: -limits.parameterValue,
          max: limits.parameterValue,
          reason,
        }),
        unit:
          parameter.unit === ''
            ? ''
            : requireText({ value: parameter.unit, path: `parameters[${index}].unit`, maxLength: limits.unitLength, reason }),
      })),
    timestamp,
    durationMs:
      data.durationMs === undefined
        ? undefined
        : requireNumber({ value: data.durationMs, path: 'durationMs', min: 0, max: limits.durationMs, reason }),
    cleared: requireFlag(data.cleared, 'cleared'),
    clearedAt: data.clearedAt === undefined ? undefined : requireTime(data.clearedAt, 'clearedAt'),
  };
}
