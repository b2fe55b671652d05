/** Limits: those a measurement must keep to be taken at all, and those the paint is judged by. */
import { invalid } from '@kiosk/fault';
import type { ThicknessData, ReadingStatus } from './thickness.ts';
import { isZone, vehicleTypeTitles, type VehicleType, type ZoneKind } from './thickness-zones.ts';
import { requireNumber, requireText } from './template-text.ts';
import { vinKind } from './vin.ts';

/**
 * What the paint is judged by; all thicknesses in µm. Settings, because gauges and fleets differ. Sources: the usual classes and norms of
 * paint gauges' manuals; a survey of 20 000 cars found factory paint of 80–170 µm, single makes 55–75 and 180–230.
 */
export type ThicknessLimits = {
  /** Less than this is thinned or polished, unless the whole car is that thin. */
  thinnedBelowUm: number;
  /** From here on a reading is a second coat where the car's own median cannot be used. */
  secondCoatFromUm: number;
  fillerFromUm: number;
  heavyAboveUm: number;
  /** Factory paint reaches at most this many times the car's own median. */
  ownMedianFactor: number;
  /** A reading stands out when it exceeds the own median by this many standard deviations (1.4826 × MAD) … */
  ownSpreadFactor: number;
  /** … and by at least this: one repair coat with its clear coat adds 40 µm or more. */
  oddOneOutUm: number;
  /** The own median is believed within these bounds; beyond them the whole car has been painted, or the gauge is wrong. */
  ownMedianMinUm: number;
  ownMedianMaxUm: number;
  /** With fewer readings than this there is no median worth the name. */
  ownMedianFromReadings: number;
  /** The usual factory paint of each kind of panel. */
  zoneNorms: Readonly<Record<ZoneKind, { minUm: number; maxUm: number; typicalUm: number }>>;
};

export const defaultThicknessLimits: ThicknessLimits = {
  thinnedBelowUm: 60,
  secondCoatFromUm: 160,
  fillerFromUm: 300,
  heavyAboveUm: 1000,
  ownMedianFactor: 1.5,
  ownSpreadFactor: 5,
  oddOneOutUm: 40,
  ownMedianMinUm: 50,
  ownMedianMaxUm: 240,
  ownMedianFromReadings: 8,
  zoneNorms: {
    hood: { minUm: 80, maxUm: 150, typicalUm: 120 },
    trunk: { minUm: 80, maxUm: 150, typicalUm: 120 },
    roof: { minUm: 90, maxUm: 160, typicalUm: 130 },
    fender: { minUm: 70, maxUm: 140, typicalUm: 110 },
    quarter: { minUm: 70, maxUm: 140, typicalUm: 110 },
    side_panel: { minUm: 70, maxUm: 140, typicalUm: 110 },
    door: { minUm: 75, maxUm: 145, typicalUm: 115 },
    pillar: { minUm: 75, maxUm: 145, typicalUm: 115 },
    sill: { minUm: 75, maxUm: 145, typicalUm: 115 },
    bumper: { minUm: 100, maxUm: 200, typicalUm: 150 },
  },
};

const reason = 'invalid_thickness';
const STATUSES: readonly ReadingStatus[] = ['normal', 'warning', 'critical'];
export const thicknessInputLimits = {
  measurements: 200,
  valueUm: 10_000,
  point: 200,
  nameLength: 100,
  timeFrom: 946_684_800_000,
  timeTo: 4_102_444_800_000,
} as const;

function requireVehicleType(value: VehicleType): VehicleType {
  if (typeof value === 'string' && Object.hasOwn(vehicleTypeTitles, value)) return value;
  throw invalid(reason, `vehicleType must be one of ${Object.keys(vehicleTypeTitles).join(', ')}`, 'vehicleType');
}

/** Gives the data in normal form. Throws Fault invalid, reason `invalid_thickness`, with the field's path in the message. */
export function validateThickness(data: ThicknessData): ThicknessData {
  const limits = thicknessInputLimits;
  const name = (value: string | undefined, path: string) =>
    value === undefined ? undefined : requireText({ value, path, maxLength: limits.nameLength, reason });
  const vin = data.vin === undefined ? undefined : requireText({ value: data.vin, path: 'vin', maxLength: 17, reason }).toUpperCase();
  if (vin !== undefined && vinKind(vin) === undefined) {
    throw invalid(reason, 'vin must be 17 letters and digits without I, O and Q, or a Japanese frame number', 'vin');
  }
  if (!Array.isArray(data.measurements)) throw invalid(reason, 'measurements must be a list', 'measurements');
  if (data.measurements.length === 0 || data.measurements.length > limits.measurements) {
    throw invalid(reason, `measurements must have 1 to ${limits.measurements} entries`, 'measurements');
  }
  return {
    vehicleType: requireVehicleType(data.vehicleType),
    vehicleMake: name(data.vehicleMake, 'vehicleMake'),
    vehicleModel: name(data.vehicleModel, 'vehicleModel'),
    vin,
    measurements: data.measurements.map(({ zone, valueUm, point, status }, index) => {
      const path = `measurements[${index}]`;
      if (typeof zone !== 'string' || !isZone(zone)) throw invalid(reason, `${path}.zone is not a zone of the body`, `${path}.zone`);
      if (status !== undefined && !STATUSES.includes(status))
        throw invalid(reason, `${path}.status must be one of ${STATUSES.join(', ')}`, `${path}.status`);
      return {
        zone,
        valueUm: requireNumber({ value: valueUm, path: `${path}.value`, min: 0, max: limits.valueUm, reason }),
        point:
          point === undefined
            ? undefined
            : requireNumber({ value: point, path: `${path}.point`, min: 1, max: limits.point, integer: true, reason }),
        status,
      };
    }),
    timestamp: requireNumber({ value: data.timestamp, path: 'timestamp', min: limits.timeFrom, max: limits.timeTo, integer: true, reason }),
  };
}
