/**
 * What the paint gauge read and what it means for a buyer. Every reading is judged twice: against limits that hold for all cars and against
 * the car's own median and spread. So thick factory paint all over is not called a repaint, and one odd panel is found on any car. Pure: no
 * clock, no files.
 *
 * The class of a reading of v µm, with the own median m and spread s = 1.4826 × MAD (limits by their names in ThicknessLimits):
 * 1. own limit L = m + min(m × (ownMedianFactor − 1), max(s × ownSpreadFactor, oddOneOutUm))
 * 2. `heavy`        v > heavyAboveUm
 * 3. `filler`       v ≥ fillerFromUm and v > L
 * 4. `second_coat`  v > L and (v > the zone's norm or v > m × ownMedianFactor)
 * 5. `thinned`      v < thinnedBelowUm and v < m × 0.75
 * 6. `factory`      everything else
 * Without a median to trust (too few readings, or out of ownMedianMinUm … ownMedianMaxUm) the absolute limits alone decide: second coat from
 * secondCoatFromUm where that is above the zone's norm.
 */
import { defaultThicknessLimits, type ThicknessLimits } from './thickness-limits.ts';
import { verdictFor, conclusionsFor, type ThicknessVerdict } from './thickness-verdict.ts';
import { expectedZones, isZone, zoneNames, zones, zoneTitle, type VehicleType, type Zone } from './thickness-zones.ts';
import { vinRemark } from './vin.ts';

export { validateThickness, defaultThicknessLimits, type ThicknessLimits } from './thickness-limits.ts';

export type ReadingStatus = 'normal' | 'warning' | 'critical';

export type ThicknessData = {
  vehicleType: VehicleType;
  vehicleMake?: string;
  vehicleModel?: string;
  vin?: string;
  /** `zone` is one of `zones`; `point` numbers the readings of a zone; a reading without status gets it from its class. */
  measurements: ReadonlyArray<{ zone: string; valueUm: number; point?: number; status?: ReadingStatus }>;
  /** Epoch ms of the measurement. */
  timestamp: number;
};

export type PaintClass = 'factory' | 'thinned' | 'second_coat' | 'filler' | 'heavy';

export type Reading = {
  zone: Zone;
  title: string;
  point: number;
  valueUm: number;
  paintClass: PaintClass;
  status: ReadingStatus;
  statusGiven: boolean;
};

export type Panel = {
  zone: Zone;
  title: string;
  readings: Reading[];
  minUm: number;
  medianUm: number;
  maxUm: number;
  /** The worst class of its readings. */
  paintClass: PaintClass;
  normUm: { minUm: number; maxUm: number };
};

export type ThicknessAssessment = {
  verdict: ThicknessVerdict;
  /** The car's own paint. `trusted` false: readings were judged by the absolute limits alone. */
  own: {
    medianUm: number;
    madUm: number;
    count: number;
    trusted: boolean;
    why?: 'few_readings' | 'too_thick' | 'too_thin';
    limitUm: number;
  };
  panels: Panel[];
  /** Readings with another class than factory or another status than normal, the thickest first. */
  suspicious: Reading[];
  notMeasured: Array<{ zone: Zone; title: string; plastic: boolean }>;
  vinRemark?: string;
  conclusions: string[];
};

export const paintClassOrder: readonly PaintClass[] = ['factory', 'thinned', 'second_coat', 'filler', 'heavy'];

const STATUS_OF: Record<PaintClass, ReadingStatus> = {
  factory: 'normal',
  thinned: 'warning',
  second_coat: 'warning',
  filler: 'critical',
  heavy: 'critical',
};
const MAD_TO_DEVIATION = 1.4826;
const THINNED_PART_OF_MEDIAN = 0.75;

/** The middle value; of an even number of values the mean of the two in the middle. The list must not be empty. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Bumpers are another material, pillars and sills are openings with thinner paint: none of them says what the outer paint of this car is. */
function ownPaint(data: ThicknessData, limits: ThicknessLimits): ThicknessAssessment['own'] {
  const outer = data.measurements
    .filter(({ zone }) => isZone(zone) && !['bumper', 'pillar', 'sill'].includes(zones[zone].kind))
    .map(({ valueUm }) => valueUm);
  const values = outer.length > 0 ? outer : data.measurements.map(({ valueUm }) => valueUm);
  const medianUm = median(values);
  const madUm = median(values.map((value) => Math.abs(value - medianUm)));
  const spread = Math.max(madUm * MAD_TO_DEVIATION * limits.ownSpreadFactor, limits.oddOneOutUm);
  const limitUm = medianUm + Math.min(medianUm * (limits.ownMedianFactor - 1), spread);
  const own = { medianUm, madUm, count: values.length, limitUm };
  if (values.length < limits.ownMedianFromReadings) return { ...own, trusted: false, why: 'few_readings' };
  if (medianUm > limits.ownMedianMaxUm) return { ...own, trusted: false, why: 'too_thick' };
  if (medianUm < limits.ownMedianMinUm) return { ...own, trusted: false, why: 'too_thin' };
  return { ...own, trusted: true };
}

function classify({
  zone,
  valueUm,
  own,
  limits,
}: {
  zone: Zone;
  valueUm: number;
  own: ThicknessAssessment['own'];
  limits: ThicknessLimits;
}): PaintClass {
  const normMaxUm = limits.zoneNorms[zones[zone].kind].maxUm;
  if (valueUm > limits.heavyAboveUm) return 'heavy';
  if (!own.trusted) {
    if (valueUm >= limits.fillerFromUm) return 'filler';
    if (valueUm >= Math.max(limits.secondCoatFromUm, normMaxUm)) return 'second_coat';
    return valueUm < limits.thinnedBelowUm ? 'thinned' : 'factory';
  }
  if (valueUm > own.limitUm) {
    if (valueUm >= limits.fillerFromUm) return 'filler';
    if (valueUm > normMaxUm || valueUm > own.medianUm * limits.ownMedianFactor) return 'second_coat';
  }
  return valueUm < limits.thinnedBelowUm && valueUm < own.medianUm * THINNED_PART_OF_MEDIAN ? 'thinned' : 'factory';
}

/** The worse of two classes. Thinned paint ranks below a second coat: it is wear or polish, not a repair. */
function worse(a: PaintClass, b: PaintClass): PaintClass {
  return paintClassOrder.indexOf(a) >= paintClassOrder.indexOf(b) ? a : b;
}

function assessPanels(data: ThicknessData, own: ThicknessAssessment['own'], limits: ThicknessLimits): Panel[] {
  const byZone = new Map<Zone, Reading[]>();
  for (const { zone, valueUm, point, status } of data.measurements) {
    if (!isZone(zone)) continue;
    const readings = byZone.get(zone) ?? [];
    byZone.set(zone, readings);
    const paintClass = classify({ zone, valueUm, own, limits });
    readings.push({
      zone,
      title: zoneTitle(zone, data.vehicleType),
      point: point ?? readings.length + 1,
      valueUm,
      paintClass,
      status: status ?? STATUS_OF[paintClass],
      statusGiven: status !== undefined,
    });
  }
  return zoneNames.flatMap((zone) => {
    const readings = byZone.get(zone)?.toSorted((a, b) => a.point - b.point);
    if (!readings) return [];
    const values = readings.map(({ valueUm }) => valueUm);
    return [
      {
        zone,
        title: zoneTitle(zone, data.vehicleType),
        readings,
        minUm: Math.min(...values),
        medianUm: median(values),
        maxUm: Math.max(...values),
        paintClass: readings.map(({ paintClass }) => paintClass).reduce(worse),
        normUm: limits.zoneNorms[zones[zone].kind],
      },
    ];
  });
}

export function assessThickness(data: ThicknessData, limits: ThicknessLimits = defaultThicknessLimits): ThicknessAssessment {
  const own = ownPaint(data, limits);
  const panels = assessPanels(data, own, limits);
  const measured = new Set(panels.map(({ zone }) => zone));
  const facts = {
    own,
    panels,
    suspicious: panels
      .flatMap(({ readings }) => readings)
      .filter(({ paintClass, status }) => paintClass !== 'factory' || status !== 'normal')
      .toSorted((a, b) => b.valueUm - a.valueUm),
    notMeasured: zoneNames
      .filter((zone) => expectedZones(data.vehicleType).has(zone) && !measured.has(zone))
      .map((zone) => ({ zone, title: zoneTitle(zone, data.vehicleType), plastic: zones[zone].kind === 'bumper' })),
    vinRemark: data.vin === undefined ? undefined : vinRemark(data.vin),
  };
  return { ...facts, verdict: verdictFor(facts), conclusions: conclusionsFor(facts) };
}
