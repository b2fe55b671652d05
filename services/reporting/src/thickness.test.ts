import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { assessThickness, defaultThicknessLimits, median, validateThickness, type ThicknessData } from './thickness.ts';

const timestamp = Date.UTC(2026, 10, 20, 12, 30);

function sample(name: string): ThicknessData {
  const { data } = JSON.parse(readFileSync(new URL(`../../../docs/samples/${name}.json`, import.meta.url), 'utf8')) as {
    data: Omit<ThicknessData, 'measurements' | 'timestamp'> & {
      timestamp: string;
      measurements: Array<{ zone: string; value: number; point: number }>;
    };
  };
  const { vehicleType, vehicleMake, vehicleModel, vin } = data;
  return {
    vehicleType,
    vehicleMake,
    vehicleModel,
    vin,
    timestamp: Date.parse(data.timestamp),
    measurements: data.measurements.map(({ zone, value, point }) => ({ zone, valueUm: value, point })),
  };
}

/** A sedan of even paint with one reading of another thickness on its front left door. */
function carWithOdd({ allUm, oddUm, zone = 'front_door_left' }: { allUm: number; oddUm: number; zone?: string }): ThicknessData {
  const even = ['hood', 'roof', 'trunk', 'rear_door_left', 'rear_door_right'].flatMap((name) =>
    [-3, 0, 3].map((change) => ({ zone: name, valueUm: allUm + change })),
  );
  return { vehicleType: 'sedan', timestamp, measurements: [...even, { zone, valueUm: oddUm }] };
}
const classOf = (data: ThicknessData, zone = 'front_door_left') =>
  assessThickness(data).panels.find((panel) => panel.zone === zone)?.paintClass;

describe('the samples', () => {
  test('the Solaris has a repainted fender and filler in the rear right quarter, and nothing else', () => {
    const { panels, suspicious, verdict, conclusions, notMeasured } = assessThickness(validateThickness(sample('thickness-solaris')));
    expect(panels.filter(({ paintClass }) => paintClass !== 'factory').map(({ zone, paintClass }) => [zone, paintClass])).toEqual([
      ['front_fender_left', 'second_coat'],
      ['rear_quarter_right', 'heavy'],
    ]);
    expect(suspicious.map(({ valueUm, paintClass, status }) => [valueUm, paintClass, status])).toEqual([
      [1180, 'heavy', 'critical'],
      [642, 'filler', 'critical'],
      [243, 'second_coat', 'warning'],
      [243, 'second_coat', 'warning'],
    ]);
    expect(verdict.found).toMatch(/^Окрашено: переднее левое крыло .*; шпатлёвка: заднее правое крыло/);
    expect(notMeasured.every(({ plastic }) => plastic)).toBe(true);
    expect(conclusions.join(' ')).toContain('Не измерялось: передний бампер, задний бампер. Бамперы обычно пластиковые');
  });

  test("the Dokker's thick factory paint is not called repainted", () => {
    const { panels, suspicious, verdict, own, conclusions } = assessThickness(validateThickness(sample('thickness-dokker-thick-factory')));
    expect(panels.every(({ paintClass }) => paintClass === 'factory')).toBe(true);
    expect(suspicious).toEqual([]);
    expect(own).toMatchObject({ trusted: true, medianUm: 201 });
    expect(verdict.level).toBe('factory');
    expect(conclusions.join(' ')).toContain('толще обычной');
  });
});

describe("a reading is judged against the limits and the car's own median", () => {
  test.each([
    [117, 140, 'factory'],
    [117, 156, 'factory'],
    [117, 160, 'second_coat'],
    [117, 299, 'second_coat'],
    [117, 300, 'filler'],
    [117, 1000, 'filler'],
    [117, 1001, 'heavy'],
    [117, 59, 'thinned'],
    [117, 61, 'factory'],
    [200, 235, 'factory'],
    [200, 290, 'second_coat'],
    [200, 320, 'filler'],
    [200, 61, 'factory'],
    [62, 55, 'factory'],
    [62, 40, 'thinned'],
    [62, 85, 'factory'],
    [62, 140, 'second_coat'],
  ])('on a car of %d µm a door of %d µm is %s', (allUm, oddUm, paintClass) =>
    expect(classOf(carWithOdd({ allUm, oddUm }))).toBe(paintClass),
  );

  test('a car painted all over is called so, and its median is no measure', () => {
    const { own, verdict, panels } = assessThickness(carWithOdd({ allUm: 270, oddUm: 115 }));
    expect(own).toMatchObject({ trusted: false, why: 'too_thick' });
    expect(verdict.level).toBe('repainted_whole');
    expect(panels.find(({ zone }) => zone === 'hood')?.paintClass).toBe('second_coat');
  });

  test('a few readings are judged by the absolute limits alone, and the report says so', () => {
    const data: ThicknessData = {
      vehicleType: 'suv',
      timestamp,
      measurements: [
        { zone: 'hood', valueUm: 200 },
        { zone: 'roof', valueUm: 205 },
      ],
    };
    const { own, panels, conclusions } = assessThickness(data);
    expect(own.why).toBe('few_readings');
    expect(panels.map(({ paintClass }) => paintClass)).toEqual(['second_coat', 'second_coat']);
    expect(conclusions.join(' ')).toContain('Точек мало');
  });

  test('a clean panel or two make no clean car: the verdict says that too little was measured', () => {
    const clean = { vehicleType: 'suv', timestamp, measurements: [{ zone: 'hood', valueUm: 120 }] } as const;
    expect(assessThickness(clean).verdict).toMatchObject({ level: 'partial', title: 'Измерено слишком мало для вывода о кузове' });
    const oneSide = ['hood', 'roof', 'front_door_left'].flatMap((zone) => [118, 120, 122].map((valueUm) => ({ zone, valueUm })));
    expect(assessThickness({ ...clean, measurements: oneSide }).verdict.level).toBe('partial');
    const painted = assessThickness({ ...clean, measurements: [...oneSide, { zone: 'trunk', valueUm: 400 }] });
    expect(painted.verdict.level).toBe('filler');
  });

  test('limits are settings', () => {
    const { panels } = assessThickness(carWithOdd({ allUm: 117, oddUm: 200 }), { ...defaultThicknessLimits, fillerFromUm: 190 });
    expect(panels.find(({ zone }) => zone === 'front_door_left')?.paintClass).toBe('filler');
  });

  test("a metal bumper does not shift the car's own median", () => {
    expect(assessThickness(carWithOdd({ allUm: 117, oddUm: 900, zone: 'bumper_front' })).own.count).toBe(15);
  });

  test("the kiosk's own status stands, and a marked point of usual paint is suspicious", () => {
    const car = carWithOdd({ allUm: 117, oddUm: 118 });
    const { suspicious, verdict } = assessThickness({
      ...car,
      measurements: [...car.measurements, { zone: 'roof', valueUm: 119, status: 'critical' }],
    });
    expect(suspicious).toMatchObject([{ zone: 'roof', status: 'critical', paintClass: 'factory' }]);
    expect(verdict.level).toBe('marked');
  });
});

test('what makes the verdict is named as found, and nothing is said to be usual where something is not', () => {
  const car = carWithOdd({ allUm: 117, oddUm: 118 });
  const and = (...measurements: ThicknessData['measurements'][number][]) => assessThickness({ ...car, measurements: [...car.measurements, ...measurements] }).verdict;
  expect(assessThickness(car).verdict.found).toBe('Измерено панелей: 6, точек: 16. Отличий нет.');
  const thin = { zone: 'roof', valueUm: 42 };
  const marked = { zone: 'roof', valueUm: 119, status: 'critical' } as const;
  expect(and(thin)).toMatchObject({ level: 'thinned', found: 'Измерено панелей: 6, точек: 17. Тонкий слой: крыша (от\u00A042\u00A0мкм).' });
  expect(and(marked, marked)).toMatchObject({ level: 'marked', found: 'Измерено панелей: 6, точек: 18. Отмечено при замере: крыша.' });
  expect(and(thin, { ...marked, zone: 'hood' })).toMatchObject({ level: 'thinned', found: expect.stringMatching(/Тонкий слой: крыша \(.*\); отмечено при замере: капот\.$/) });
  expect(and(thin, { zone: 'trunk', valueUm: 230 }).found).toMatch(/^Окрашено: [^;]*$/);
  const everywhere = ['hood', 'roof', 'trunk', 'rear_door_left', 'rear_door_right', 'front_fender_left'].map((zone) => ({ ...marked, zone }));
  expect(and(...everywhere).found).toMatch(/ и ещё\u00A01\.$/);
});

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

describe('limits', () => {
  const good = { zone: 'hood', valueUm: 120 };
  test.each<[string, object]>([
    ['measurements[0].zone', { measurements: [{ ...good, zone: 'wing' }] }],
    ['measurements[0].zone', { measurements: [{ ...good, zone: 'toString' }] }],
    ['measurements[0].value', { measurements: [{ ...good, valueUm: 10_001 }] }],
    ['measurements[0].value', { measurements: [{ ...good, valueUm: -1 }] }],
    ['measurements[0].value', { measurements: [{ ...good, valueUm: Number.NaN }] }],
    ['measurements[0].status', { measurements: [{ ...good, status: 'bad' }] }],
    ['measurements[0].point', { measurements: [{ ...good, point: 1.5 }] }],
    ['measurements', { measurements: [] }],
    ['measurements', { measurements: Array.from({ length: 201 }, () => good) }],
    ['vehicleType', { vehicleType: 'truck' }],
    ['vehicleMake', { vehicleMake: 'A\u2066B' }],
    ['vin', { vin: 'short' }],
  ])('a wrong %s is refused with its path', (path, changes) => {
    const data = { vehicleType: 'sedan', timestamp, measurements: [good], ...changes } as ThicknessData;
    expect(() => validateThickness(data)).toThrow(Fault);
    expect(() => validateThickness(data)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'invalid_thickness', message: expect.stringContaining(path) }),
    );
  });
});
