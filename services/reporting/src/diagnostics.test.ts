import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { assessDiagnostics, validateDiagnostics, type DiagnosticsData, type LookUpDtc } from './diagnostics.ts';

const now = Date.UTC(2026, 10, 20, 9, 41, 12);
const highCodes = new Set(['P0301', 'P0524', 'P0700']);
const lowCodes = new Set(['P0456']);
const dictionary: LookUpDtc = (code) => ({
  code,
  origin: code.charAt(1) === '1' ? 'maker' : 'generic',
  meaning: 'Цепь датчика: обрыв',
  severity: highCodes.has(code) ? 'high' : lowCodes.has(code) ? 'low' : 'medium',
  causes: [],
});
const allReady = [
  { name: 'misfire', ready: true },
  { name: 'catalyst', ready: true },
  { name: 'evap', ready: true },
];

function scan(changes: Partial<DiagnosticsData> = {}): DiagnosticsData {
  return { vehicleMake: 'LADA', vehicleModel: 'Granta', dtcCodes: [], milOn: false, monitors: allReady, timestamp: now, ...changes };
}

function sample(name: string): DiagnosticsData {
  const { data } = JSON.parse(readFileSync(new URL(`../../../docs/samples/${name}.json`, import.meta.url), 'utf8')) as {
    data: Record<string, unknown>;
  };
  const { sessionId, timestamp, clearedAt, ...rest } = data;
  expect(sessionId).toBeDefined();
  return {
    ...rest,
    timestamp: Date.parse(timestamp as string),
    clearedAt: clearedAt === undefined ? undefined : Date.parse(clearedAt as string),
  } as DiagnosticsData;
}

describe('the verdict of a scan', () => {
  test.each<[string, Partial<DiagnosticsData>, string]>([
    ['nothing found and all monitors ready', {}, 'clear'],
    ['nothing found and one monitor not ready', { monitors: [...allReady, { name: 'egr', ready: false }] }, 'clear'],
    ['nothing found and no monitors read', { monitors: undefined }, 'unproven'],
    [
      'nothing found and two monitors not ready',
      { monitors: [...allReady, { name: 'egr', ready: false }, { name: 'secondary_air', ready: false }] },
      'unproven',
    ],
    ['nothing found after the memory was cleared', { cleared: true, clearedAt: now - 60_000 }, 'unproven'],
    ['nothing found, cleared at an unknown time', { cleared: true }, 'unproven'],
    [
      'a parameter out of range after the memory was cleared',
      { cleared: true, clearedAt: now - 1, parameters: [{ name: 'short_fuel_trim_1', value: 20, unit: '%' }] },
      'unproven',
    ],
    ['a parameter out of range', { parameters: [{ name: 'short_fuel_trim_1', value: 20, unit: '%' }] }, 'watch'],
    ['a low stored code', { dtcCodes: [{ code: 'P0456' }] }, 'watch'],
    ['a medium pending code', { dtcCodes: [{ code: 'P0171', status: 'pending' }] }, 'watch'],
    ['a high pending code', { dtcCodes: [{ code: 'P0301', status: 'pending' }] }, 'repair'],
    ['a medium stored code', { dtcCodes: [{ code: 'P0171' }] }, 'repair'],
    ['a medium permanent code', { dtcCodes: [{ code: 'P0171', status: 'permanent' }] }, 'repair'],
    ['the lamp without codes', { milOn: true }, 'repair'],
    ['a high stored code', { dtcCodes: [{ code: 'P0301' }] }, 'urgent'],
    ['a high permanent code', { dtcCodes: [{ code: 'P0301', status: 'permanent' }] }, 'urgent'],
    ['the kiosk says that a code is high', { dtcCodes: [{ code: 'P0171', severity: 'high' }] }, 'urgent'],
    ['the kiosk says that a code is low', { dtcCodes: [{ code: 'P0301', severity: 'low' }] }, 'watch'],
    ['oil pressure too low', { dtcCodes: [{ code: 'P0524', status: 'pending' }] }, 'stop'],
    ['an overheated engine', { parameters: [{ name: 'coolant_temperature', value: 121, unit: 'C' }] }, 'stop'],
    [
      'no oil pressure while the engine runs',
      {
        parameters: [
          { name: 'rpm', value: 800, unit: '1/min' },
          { name: 'oil_pressure', value: 0, unit: 'kPa' },
        ],
      },
      'stop',
    ],
    [
      'no oil pressure while it does not',
      {
        parameters: [
          { name: 'rpm', value: 0, unit: '1/min' },
          { name: 'oil_pressure', value: 0, unit: 'kPa' },
        ],
      },
      'clear',
    ],
  ])('%s', (_, changes, level) => expect(assessDiagnostics(scan(changes), dictionary).verdict.level).toBe(level));
});

describe('an assessment', () => {
  test.each<[string, string[], string]>([
    ['one code', ['P0301'], 'Начните с кода высокой важности: P0301.'],
    ['one grave code among others', ['P0301', 'P0171'], 'Начните с кода высокой важности: P0301. Остальные могут оказаться его следствием.'],
    ['several grave codes', ['P0301', 'P0302'], 'Начните с кодов высокой важности: P0301, P0302.'],
  ])('says where to begin with %s', (_, codes, line) => {
    const { conclusions } = assessDiagnostics(
      scan({ dtcCodes: codes.map((code) => ({ code, severity: code.startsWith('P03') ? 'high' : 'medium' })) }),
      dictionary,
    );
    expect(conclusions).toContain(line);
  });

  test("groups codes by status, the worst first, once each, with the kiosk's own words before the dictionary's", () => {
    const { codes, codeCount } = assessDiagnostics(
      scan({
        dtcCodes: [
          { code: 'P0456' },
          { code: 'P0171' },
          { code: 'P0301' },
          { code: 'P0171' },
          { code: 'P0171', status: 'pending', description: 'Бедная смесь' },
        ],
      }),
      dictionary,
    );
    expect(codes.stored.map(({ code }) => code)).toEqual(['P0301', 'P0171', 'P0456']);
    expect(codes.pending.map(({ meaning }) => meaning)).toEqual(['Бедная смесь']);
    expect(codeCount).toBe(4);
  });

  test("a circuit fault without causes gets the usual ones, a maker's code gets none", () => {
    const { codes } = assessDiagnostics(scan({ dtcCodes: [{ code: 'P0171' }, { code: 'P1171' }] }), dictionary);
    expect(codes.stored.map(({ causes }) => causes.length)).toEqual([3, 0]);
  });

  test('parameters are judged in their own unit only, and unknown ones are not judged', () => {
    const { parameters } = assessDiagnostics(
      scan({
        parameters: [
          { name: 'coolant_temperature', value: 92, unit: '°C' },
          { name: 'coolant_temperature', value: 198, unit: '°F' },
          { name: 'battery_voltage', value: 11.4, unit: 'V' },
          { name: 'flux', value: 1, unit: '' },
          { name: 'constructor', value: 1, unit: '' },
        ],
      }),
      dictionary,
    );
    expect(parameters.map(({ judgement }) => judgement)).toEqual(['normal', 'unjudged', 'low', 'unjudged', 'unjudged']);
    expect(parameters.map(({ title }) => title)).toContain('Напряжение бортовой сети');
  });

  test('the Granta sample has codes of three kinds, and warns of monitors not ready', () => {
    const { codes, readiness, verdict, conclusions } = assessDiagnostics(validateDiagnostics(sample('diagnostics-granta')), dictionary);
    expect([codes.stored.length, codes.pending.length, codes.permanent.length]).toEqual([2, 1, 1]);
    expect(codes.permanent[0]?.meaning).toBe('Нет связи с блоком ABS');
    expect(readiness.level).toBe('just_cleared');
    expect(verdict.level).toBe('urgent');
    expect(conclusions.join(' ')).toContain('Постоянные коды сканером не стираются');
  });

  test('the Camry sample says that nothing found just after a clear proves nothing', () => {
    const { verdict, clearing, conclusions } = assessDiagnostics(validateDiagnostics(sample('diagnostics-camry-clean')), dictionary);
    expect(verdict.level).toBe('unproven');
    expect(clearing).toBe('before_scan');
    expect(conclusions[0]).toContain('отсутствие кодов не доказывает исправность');
  });
});

describe('limits', () => {
  const refused = (changes: object): string => {
    try {
      validateDiagnostics({ ...scan(), ...changes } as DiagnosticsData);
    } catch (error) {
      if (error instanceof Fault && error.kind === 'invalid' && error.reason === 'invalid_diagnostics') return error.message;
      throw error;
    }
    return 'accepted';
  };
  const code = (changes: object) => ({ dtcCodes: [{ code: 'P0301', ...changes }] });

  test.each<[string, object, string]>([
    ['a code with five hex digits', code({ code: 'P03011' }), 'dtcCodes[0].code'],
    ['a code of an unknown system', code({ code: 'X0301' }), 'dtcCodes[0].code'],
    ['a 10 000 character description', code({ description: 'я'.repeat(10_000) }), 'dtcCodes[0].description'],
    ['a right-to-left override', code({ description: 'abc\u202Edef' }), 'dtcCodes[0].description'],
    ['a zero-width space', { vehicleMake: 'LA\u200BDA' }, 'vehicleMake'],
    ['an escape character', { vehicleModel: 'Granta\u001B[31m' }, 'vehicleModel'],
    ['a line break', { vehicleModel: 'Granta\nVIN: 1' }, 'vehicleModel'],
    ['a lone surrogate', { vehicleModel: 'A\uD800' }, 'vehicleModel'],
    ['stacked combining marks', { vehicleModel: 'Z\u0301\u0302\u0303\u0304' }, 'vehicleModel'],
    ['a blank make', { vehicleMake: '   ' }, 'vehicleMake'],
    ['an unknown severity', code({ severity: 'huge' }), 'dtcCodes[0].severity'],
    ['an unknown status', code({ status: 'gone' }), 'dtcCodes[0].status'],
    ['201 codes', { dtcCodes: Array.from({ length: 201 }, () => ({ code: 'P0301' })) }, 'dtcCodes'],
    ['31 monitors', { monitors: Array.from({ length: 31 }, () => allReady[0]) }, 'monitors'],
    ['101 parameters', { parameters: Array.from({ length: 101 }, () => ({ name: 'rpm', value: 1, unit: '' })) }, 'parameters'],
    ['an infinite value', { parameters: [{ name: 'rpm', value: Infinity, unit: '' }] }, 'parameters[0].value'],
    ['a year before cars had scanners', { year: 1949 }, 'year'],
    ['a year after the next one', { year: 2028 }, 'year'],
    ['a VIN with the letter O', { vin: 'XTA219170O0321654' }, 'vin'],
    ['a negative mileage', { mileageKm: -1 }, 'mileageKm'],
    ['a mileage beyond the Moon and back', { mileageKm: 3_000_001 }, 'mileageKm'],
    ['no time', { timestamp: Number.NaN }, 'timestamp'],
  ])('%s is refused', (_, changes, path) => {
    const message = refused(changes);
    expect(message.startsWith(path)).toBe(true);
    expect(message).not.toBe('accepted');
  });

  test("next year's model, a frame number, emoji and lower-case codes are taken", () => {
    const data = validateDiagnostics({
      ...scan(),
      year: 2027,
      vin: 'zvw30-1234567',
      vehicleModel: ' Prius 👨‍👩‍👧 ',
      dtcCodes: [{ code: 'p03a1' }],
    });
    expect(data).toMatchObject({ year: 2027, vin: 'ZVW30-1234567', vehicleModel: 'Prius 👨‍👩‍👧', dtcCodes: [{ code: 'P03A1' }] });
  });
});
