/**
 * The unfolded outline of each body: a top view in the middle and a side view that unfolds outward from the roof. Shapes are SVG paths in
 * units of about a centimetre, x along the car from its nose, y in the top view across the car from its axis, in the side view down from
 * the roof's edge.
 */
import type { VehicleType, Zone } from '../thickness-zones.ts';
import { bodyProfiles, type Profile } from './body-profiles.ts';

/** `at` is where the letter stands; `tight` panels have room for the letter alone, `low` ones for one line. */
export type Shape = { zone: Zone; path: string; at: readonly [x: number, y: number]; tight?: boolean; low?: boolean };
export type Body = {
  top: readonly Shape[];
  topGlass: readonly string[];
  /** The left side; the right one is its mirror image with the other side's zones. */
  side: readonly Shape[];
  sideGlass: readonly string[];
  wheels: ReadonlyArray<{ x: number; y: number; radius: number }>;
  length: number;
  sideHeight: number;
};

const bodies = new Map<string, Body>();

/** `splitRoof`: the roof is measured in two parts. */
export function bodyOf(vehicleType: VehicleType, { splitRoof }: { splitRoof: boolean }): Body {
  const key = `${vehicleType} ${splitRoof}`;
  const known = bodies.get(key);
  if (known) return known;
  const profile = bodyProfiles[vehicleType];
  const { top, topGlass, length } = topView(profile, splitRoof);
  const { side, sideGlass } = sideView(profile, vehicleType);
  const wheels = [profile.frontWheel, profile.rearWheel].map((x) => ({ x, y: profile.roof - profile.wheel, radius: profile.wheel }));
  const body: Body = { top, topGlass, side, sideGlass, wheels, length, sideHeight: profile.roof };
  bodies.set(key, body);
  return body;
}

/** Half the car's width at the body and at the roof. */
const HALF = 52;
const HALF_ROOF = 42;

function topView(
  { cowl, windscreenTop, roofEnd, tailFoot, tail, notchback }: Profile,
  splitRoof: boolean,
): { top: Shape[]; topGlass: string[]; length: number } {
  const glassEnd = notchback ? tailFoot : roofEnd + 26;
  const trunkFrom = glassEnd + 3;
  const trunkEnd = Math.max(tail - 18, trunkFrom + 36);
  const split = windscreenTop + (roofEnd - windscreenTop) * 0.62;
  const roofPart = (from: number, to: number, bulge: number) =>
    `M${from} ${-HALF_ROOF} Q${from - 7} 0 ${from} ${HALF_ROOF} L${to} ${HALF_ROOF} Q${to + bulge} 0 ${to} ${-HALF_ROOF} Z`;
  const top: Shape[] = [
    { zone: 'bumper_front', path: 'M34 -51 Q0 -46 0 0 Q0 46 34 51 L36 46 Q16 40 16 0 Q16 -40 36 -46 Z', at: [8, 0], tight: true },
    {
      zone: 'hood',
      path: `M39 -46 Q19 -40 19 0 Q19 40 39 46 L${cowl} ${HALF} Q${cowl - 14} 0 ${cowl} ${-HALF} Z`,
      at: [(cowl + 12) / 2, 0],
    },
    {
      zone: 'trunk',
      path: [
        `M${trunkFrom} ${-HALF} Q${trunkFrom + 6} 0 ${trunkFrom} ${HALF} L${trunkEnd - 6} 48`,
        `Q${trunkEnd + 4} 0 ${trunkEnd - 6} -48 Z`,
      ].join(' '),
      at: [(trunkFrom + trunkEnd) / 2 + 1, 0],
    },
    {
      zone: 'bumper_rear',
      path: [
        `M${trunkEnd - 3} -51 L${trunkEnd - 2} -47 Q${trunkEnd + 7} 0 ${trunkEnd - 2} 47 L${trunkEnd - 3} 51`,
        `Q${trunkEnd + 20} 46 ${trunkEnd + 20} 0 Q${trunkEnd + 20} -46 ${trunkEnd - 3} -51 Z`,
      ].join(' '),
      at: [trunkEnd + 11.5, 0],
      tight: true,
    },
  ];
  if (splitRoof) {
    top.push({ zone: 'roof', path: roofPart(windscreenTop + 3, split, -7), at: [(windscreenTop + split) / 2, 0] });
    top.push({ zone: 'roof_rear', path: roofPart(split + 3, roofEnd, 5), at: [(split + roofEnd) / 2, 0] });
  } else top.push({ zone: 'roof', path: roofPart(windscreenTop + 3, roofEnd, 5), at: [(windscreenTop + roofEnd) / 2, 0] });
  const topGlass = [
    [
      `M${cowl + 3} ${-HALF + 1} Q${cowl - 11} 0 ${cowl + 3} ${HALF - 1} L${windscreenTop} ${HALF_ROOF}`,
      `Q${windscreenTop - 7} 0 ${windscreenTop} ${-HALF_ROOF} Z`,
    ].join(' '),
    [
      `M${roofEnd + 3} ${-HALF_ROOF} Q${roofEnd + 8} 0 ${roofEnd + 3} ${HALF_ROOF} L${glassEnd} ${HALF - 3}`,
      `Q${glassEnd + 6} 0 ${glassEnd} ${-HALF + 3} Z`,
    ].join(' '),
  ];
  return { top, topGlass, length: trunkEnd + 20 };
}

function sideView(profile: Profile, vehicleType: VehicleType): { side: Shape[]; sideGlass: string[] } {
  const {
    roof,
    belt,
    nose,
    cowl,
    windscreenTop,
    roofEnd,
    tailFoot,
    tail,
    deck,
    frontWheel,
    rearWheel,
    wheel,
    sill,
    d1,
    d2,
    d3,
    notchback,
  } = profile;
  const y = (height: number) => roof - height;
  const arch = wheel + 5;
  const reach = Math.sqrt(arch ** 2 - (sill - wheel) ** 2);
  const coupe = vehicleType === 'coupe';
  const van = vehicleType === 'minivan';
  const bumperFront = frontWheel - arch - 6;
  const bumperRear = rearWheel + arch + 10;
  const bumperTop = deck * 0.66;
  const tailX = notchback ? tail - 4 : tail - 6;
  const sillBottom = sill - 11;
  // A rear door ends in the wheel arch; a coupe's door well before it.
  const archAtD3 = coupe ? sill : wheel + Math.sqrt(arch ** 2 - (rearWheel - d3) ** 2);
  const quarterStart = coupe ? `M${d3 + 2} ${y(sill)} L${rearWheel - reach} ${y(sill)}` : `M${d3 + 2} ${y(archAtD3 + 1)}`;
  const pillar = (footX: number, topX: number, width: number) =>
    `M${footX} ${y(belt + 2)} L${footX + width} ${y(belt + 2)} L${topX + width} ${y(roof - 3)} L${topX} ${y(roof - 3)} Z`;
  const pillarWidth = 15;
  const cFoot = van ? d3 - 2 : tailFoot - (notchback ? 26 : 30);
  const cTop = van ? d3 - 2 : roofEnd - (notchback ? 8 : 20);
  const side: Shape[] = [
    {
      zone: 'front_fender_left',
      path: [
        `M${bumperFront} ${y(nose - 4)} Q${(bumperFront + cowl) / 2} ${y(belt - 1)} ${cowl - 4} ${y(belt)}`,
        `L${d1 - 2} ${y(belt)} L${d1 - 2} ${y(sill)} L${frontWheel + reach} ${y(sill)}`,
        `A${arch} ${arch} 0 0 0 ${frontWheel - reach} ${y(sill)} L${bumperFront} ${y(sill)} Z`,
      ].join(' '),
      at: [d1 - 23, y((belt + wheel + arch) / 2 - 2)],
      low: true,
    },
    {
      zone: 'front_door_left',
      path: `M${d1} ${y(belt)} L${d2 - 2} ${y(belt)} L${d2 - 2} ${y(sill)} L${d1} ${y(sill)} Z`,
      at: [(d1 + d2) / 2, y((belt + sill) / 2)],
    },
    {
      zone: 'rear_quarter_left',
      path: [
        `${quarterStart} A${arch} ${arch} 0 0 1 ${rearWheel + reach} ${y(sill)} L${bumperRear} ${y(sill)}`,
        `L${bumperRear} ${y(bumperTop)} L${tailX} ${y(bumperTop)} L${tailX - 1} ${y(deck)}`,
        `Q${(tailX + tailFoot) / 2} ${y(deck + 5)} ${tailFoot} ${y(belt)} L${d3 + 2} ${y(belt)} Z`,
      ].join(' '),
      at: coupe
        ? [(d3 + rearWheel) / 2 - 10, y((belt + sill) / 2 + 6)]
        : [(rearWheel + arch + tailX) / 2 - 10, y((deck + bumperTop) / 2 + 1)],
      low: !coupe,
    },
    {
      zone: 'sill_left',
      path: [
        `M${frontWheel + reach + 2} ${y(sill - 2)} L${rearWheel - reach - 2} ${y(sill - 2)}`,
        `L${rearWheel - reach - 6} ${y(sillBottom)} L${frontWheel + reach + 6} ${y(sillBottom)} Z`,
      ].join(' '),
      at: [(frontWheel + rearWheel) / 2, y((sill + sillBottom) / 2 - 1)],
      tight: true,
    },
    {
      zone: 'pillar_a_left',
      path: pillar(cowl, windscreenTop, pillarWidth),
      at: [(cowl + windscreenTop + pillarWidth) / 2, y((belt + roof) / 2)],
      tight: true,
    },
    { zone: 'pillar_b_left', path: pillar(d2 - 8, d2 - 8, pillarWidth), at: [d2 - 8 + pillarWidth / 2, y((belt + roof) / 2)], tight: true },
    {
      zone: 'pillar_c_left',
      path: pillar(cFoot, cTop, pillarWidth),
      at: [(cFoot + cTop + pillarWidth) / 2, y((belt + roof) / 2)],
      tight: true,
    },
  ];
  if (!coupe) {
    side.push({
      zone: 'rear_door_left',
      path: [
        `M${d2} ${y(belt)} L${d3} ${y(belt)} L${d3} ${y(archAtD3)}`,
        `A${arch} ${arch} 0 0 0 ${rearWheel - reach} ${y(sill)} L${d2} ${y(sill)} Z`,
      ].join(' '),
      at: [(d2 + rearWheel - arch) / 2 + 2, y((belt + sill) / 2)],
    });
  }
  if (van) {
    side.push({
      zone: 'side_panel_left',
      path: `M${d3 + 15} ${y(belt + 2)} L${tailFoot - 1} ${y(belt + 2)} L${roofEnd} ${y(roof - 3)} L${d3 + 15} ${y(roof - 3)} Z`,
      at: [(d3 + 15 + roofEnd) / 2, y((belt + roof) / 2)],
    });
  }
  const window = (x0: number, x1: number, x2: number, x3: number) =>
    `M${x0} ${y(belt + 2)} L${x1} ${y(belt + 2)} L${x2} ${y(roof - 3)} L${x3} ${y(roof - 3)} Z`;
  const sideGlass = [
    window(cowl + pillarWidth + 2, d2 - 10, d2 - 10, windscreenTop + pillarWidth + 2),
    window(d2 - 6 + pillarWidth, cFoot - 2, cTop - 2, d2 - 6 + pillarWidth),
  ];
  if (!van && !notchback) sideGlass.push(window(cFoot + pillarWidth + 2, tailFoot - 2, roofEnd - 2, cTop + pillarWidth + 2));
  sideGlass.push(
    [
      `M${windscreenTop + 3} ${y(roof - 2)} L${windscreenTop + 10} ${y(roof)} L${roofEnd - 8} ${y(roof)}`,
      `L${roofEnd - 1} ${y(roof - 2)} Z`,
    ].join(' '),
  );
  return { side, sideGlass };
}

/** The ends of the bumpers as the side view shows them. */
export function bumperEnds(vehicleType: VehicleType): { front: string; rear: string } {
  const { roof, nose, deck, frontWheel, rearWheel, wheel, sill, tail } = bodyProfiles[vehicleType];
  const y = (height: number) => roof - height;
  const from = frontWheel - wheel - 13;
  const rear = rearWheel + wheel + 17;
  const top = deck * 0.66 - 2;
  const foot = sill - 6;
  return {
    front: [
      `M${from} ${y(nose - 6)} Q20 ${y(nose - 12)} 8 ${y(nose - 20)} Q3 ${y(nose - 26)} 4 ${y((nose + foot) / 2 - 6)}`,
      `L6 ${y(foot + 8)} Q7 ${y(foot)} 16 ${y(foot)} L${from} ${y(foot)} Z`,
    ].join(' '),
    rear: [
      `M${rear} ${y(top)} L${tail - 6} ${y(top)} Q${tail + 1} ${y(top - 1)} ${tail + 1} ${y(top - 8)}`,
      `L${tail - 1} ${y(foot + 8)} Q${tail - 2} ${y(foot)} ${tail - 11} ${y(foot)} L${rear} ${y(foot)} Z`,
    ].join(' '),
  };
}

/** What makes the side view a car and is never measured: lamps and door handles. */
export function sideDetails(vehicleType: VehicleType): readonly string[] {
  const { roof, belt, nose, deck, frontWheel, wheel, tail, d2, d3, notchback } = bodyProfiles[vehicleType];
  const y = (height: number) => roof - height;
  const handle = (x: number) => `M${x - 20} ${y(belt - 10)} L${x - 7} ${y(belt - 10)} L${x - 7} ${y(belt - 14)} L${x - 20} ${y(belt - 14)} Z`;
  const lampTop = deck - 3;
  const tailX = notchback ? tail - 4 : tail - 6;
  return [
    `M8 ${y(nose - 21)} L${frontWheel - wheel - 18} ${y(nose - 12)} L${frontWheel - wheel - 22} ${y(nose - 21)} Q22 ${y(nose - 29)} 7 ${y(nose - 29)} Z`,
    `M${tailX - 1} ${y(lampTop)} L${tailX} ${y(deck * 0.72)} L${tailX - 11} ${y(deck * 0.72)} L${tailX - 9} ${y(lampTop)} Z`,
    handle(d2),
    ...(vehicleType === 'coupe' ? [] : [handle(d3)]),
  ];
}
