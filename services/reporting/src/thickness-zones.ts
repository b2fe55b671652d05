/**
 * The zones of a car's body that a kiosk measures, with the Russian name and the norm they belong to. The list is closed: a reading of an
 * unknown zone is refused, because it could be neither drawn nor judged.
 */
export type VehicleType = 'sedan' | 'hatchback' | 'wagon' | 'coupe' | 'suv' | 'minivan';

/** Zones that share a norm. */
export type ZoneKind = 'hood' | 'trunk' | 'roof' | 'fender' | 'quarter' | 'door' | 'pillar' | 'bumper' | 'side_panel' | 'sill';

export const vehicleTypeTitles: Readonly<Record<VehicleType, string>> = {
  sedan: 'седан',
  hatchback: 'хэтчбек',
  wagon: 'универсал',
  coupe: 'купе',
  suv: 'внедорожник',
  minivan: 'минивэн',
};

/** In the order of the report's tables: along the car from the front, roof and rear, then what is measured rarely. */
export const zones = {
  hood: { kind: 'hood', title: 'Капот' },
  front_fender_left: { kind: 'fender', title: 'Переднее левое крыло' },
  front_fender_right: { kind: 'fender', title: 'Переднее правое крыло' },
  front_door_left: { kind: 'door', title: 'Передняя левая дверь' },
  front_door_right: { kind: 'door', title: 'Передняя правая дверь' },
  rear_door_left: { kind: 'door', title: 'Задняя левая дверь' },
  rear_door_right: { kind: 'door', title: 'Задняя правая дверь' },
  rear_quarter_left: { kind: 'quarter', title: 'Заднее левое крыло' },
  rear_quarter_right: { kind: 'quarter', title: 'Заднее правое крыло' },
  side_panel_left: { kind: 'side_panel', title: 'Левая боковина' },
  side_panel_right: { kind: 'side_panel', title: 'Правая боковина' },
  roof: { kind: 'roof', title: 'Крыша' },
  roof_rear: { kind: 'roof', title: 'Крыша, задняя часть' },
  trunk: { kind: 'trunk', title: 'Крышка багажника' },
  pillar_a_left: { kind: 'pillar', title: 'Левая стойка A' },
  pillar_a_right: { kind: 'pillar', title: 'Правая стойка A' },
  pillar_b_left: { kind: 'pillar', title: 'Левая стойка B' },
  pillar_b_right: { kind: 'pillar', title: 'Правая стойка B' },
  pillar_c_left: { kind: 'pillar', title: 'Левая стойка C' },
  pillar_c_right: { kind: 'pillar', title: 'Правая стойка C' },
  sill_left: { kind: 'sill', title: 'Левый порог' },
  sill_right: { kind: 'sill', title: 'Правый порог' },
  bumper_front: { kind: 'bumper', title: 'Передний бампер' },
  bumper_rear: { kind: 'bumper', title: 'Задний бампер' },
} as const satisfies Record<string, { kind: ZoneKind; title: string }>;

export type Zone = keyof typeof zones;
export const zoneNames = Object.keys(zones) as readonly Zone[];

export function isZone(name: string): name is Zone {
  return Object.hasOwn(zones, name);
}

export function zoneTitle(zone: Zone, vehicleType: VehicleType): string {
  if (zone === 'trunk' && vehicleType !== 'sedan' && vehicleType !== 'coupe') return 'Дверь багажника';
  if (vehicleType === 'coupe' && zone === 'front_door_left') return 'Левая дверь';
  if (vehicleType === 'coupe' && zone === 'front_door_right') return 'Правая дверь';
  return zones[zone].title;
}

const EVERY_CAR: readonly Zone[] = [
  'hood',
  'front_fender_left',
  'front_fender_right',
  'front_door_left',
  'front_door_right',
  'rear_quarter_left',
  'rear_quarter_right',
  'roof',
  'trunk',
  'bumper_front',
  'bumper_rear',
];
const REAR_DOORS: readonly Zone[] = ['rear_door_left', 'rear_door_right'];
const MINIVAN_ONLY: readonly Zone[] = [
  'side_panel_left',
  'side_panel_right',
  'roof_rear',
  'pillar_a_left',
  'pillar_a_right',
  'pillar_b_left',
  'pillar_b_right',
  'pillar_c_left',
  'pillar_c_right',
];

/** The zones a full measurement of this body has; the report names those that are missing. */
export function expectedZones(vehicleType: VehicleType): ReadonlySet<Zone> {
  return new Set([...EVERY_CAR, ...(vehicleType === 'coupe' ? [] : REAR_DOORS), ...(vehicleType === 'minivan' ? MINIVAN_ONLY : [])]);
}
