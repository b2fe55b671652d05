/** How many parts a text message is sent and charged in (3GPP TS 23.038, 23.040): GSM-7 160 or 153 each, UCS-2 70 or 67 each. */
const GSM_7 = new Set(`@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,-./0123456789:;<=>?`
  + '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà');
/** Each takes two places, which stay together. */
const GSM_7_EXTENDED = new Set('^{}\\[~]|€\f');

export type Parts = { encoding: 'GSM-7' | 'UCS-2'; count: number };

export function partsOf(text: string): Parts {
  const characters = Array.from(text); // code points: a surrogate pair is one, and is not split
  if (characters.every((one) => GSM_7.has(one) || GSM_7_EXTENDED.has(one))) {
    return { encoding: 'GSM-7', count: packed(characters.map((one) => (GSM_7_EXTENDED.has(one) ? 2 : 1)), { alone: 160, joined: 153 }) };
  }
  return { encoding: 'UCS-2', count: packed(characters.map((one) => one.length), { alone: 70, joined: 67 }) };
}

/** A character is never split between parts. */
function packed(places: readonly number[], { alone, joined }: { alone: number; joined: number }): number {
  if (places.reduce((sum, one) => sum + one, 0) <= alone) return 1;
  let count = 1;
  let used = 0;
  for (const one of places) {
    if (used + one > joined) {
      count += 1;
      used = 0;
    }
    used += one;
  }
  return count;
}
