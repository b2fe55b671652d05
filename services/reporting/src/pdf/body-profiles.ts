/** The measures each body is drawn from, in units of about a centimetre: along the car from its nose, heights from the ground. */
import type { VehicleType } from '../thickness-zones.ts';

export type Profile = {
  /** Heights. */
  roof: number; belt: number; nose: number; deck: number; sill: number; wheel: number;
  /** Places along the car: the windscreen's foot and top, the roof's end, the foot of what slopes behind it, the end of the body. */
  cowl: number; windscreenTop: number; roofEnd: number; tailFoot: number; tail: number;
  /** The wheels' axles and the doors' edges; a coupe's second edge ends its only door. */
  frontWheel: number; rearWheel: number; d1: number; d2: number; d3: number;
  /** A boot lid behind a sloping window, rather than a tailgate. */
  notchback: boolean;
};

export const bodyProfiles: Readonly<Record<VehicleType, Profile>> = {
  sedan: {
    roof: 140, belt: 92, nose: 74, cowl: 152, windscreenTop: 208, roofEnd: 332, tailFoot: 402, tail: 496, deck: 90,
    frontWheel: 98, rearWheel: 398, wheel: 32, sill: 34, d1: 160, d2: 262, d3: 364, notchback: true,
  },
  hatchback: {
    roof: 144, belt: 94, nose: 76, cowl: 144, windscreenTop: 200, roofEnd: 410, tailFoot: 472, tail: 484, deck: 92,
    frontWheel: 94, rearWheel: 398, wheel: 32, sill: 34, d1: 152, d2: 256, d3: 364, notchback: false,
  },
  wagon: {
    roof: 142, belt: 92, nose: 74, cowl: 150, windscreenTop: 206, roofEnd: 474, tailFoot: 504, tail: 514, deck: 90,
    frontWheel: 97, rearWheel: 396, wheel: 32, sill: 34, d1: 158, d2: 260, d3: 362, notchback: false,
  },
  coupe: {
    roof: 130, belt: 88, nose: 68, cowl: 162, windscreenTop: 222, roofEnd: 322, tailFoot: 412, tail: 494, deck: 86,
    frontWheel: 98, rearWheel: 396, wheel: 34, sill: 31, d1: 170, d2: 306, d3: 306, notchback: true,
  },
  suv: {
    roof: 170, belt: 114, nose: 98, cowl: 142, windscreenTop: 194, roofEnd: 446, tailFoot: 480, tail: 492, deck: 110,
    frontWheel: 94, rearWheel: 396, wheel: 39, sill: 46, d1: 152, d2: 256, d3: 362, notchback: false,
  },
  minivan: {
    roof: 178, belt: 110, nose: 86, cowl: 112, windscreenTop: 172, roofEnd: 470, tailFoot: 488, tail: 496, deck: 106,
    frontWheel: 90, rearWheel: 404, wheel: 33, sill: 36, d1: 134, d2: 240, d3: 372, notchback: false,
  },
};
