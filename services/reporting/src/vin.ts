/**
 * Vehicle identification numbers (ISO 3779) and Japanese frame numbers.
 *
 * A VIN has 17 characters without I, O and Q. Its ninth character is a check digit that only North America makes obligatory (49 CFR
 * 565.15), so a mismatch is a remark and never an error. Cars made for the Japanese market carry a frame number instead, such as
 * `ZVW30-1234567`.
 */
export type VinKind = 'vin' | 'frame';

const VIN = /^[A-HJ-NPR-Z0-9]{17}$/;
const FRAME = /^(?=.*[0-9])[A-Z0-9]+(?:-[A-Z0-9]+)*$/;
const FRAME_MIN_LENGTH = 6;
const FRAME_MAX_LENGTH = 17;

/** What kind of number this upper-case text is; undefined when it can be neither. */
export function vinKind(text: string): VinKind | undefined {
  if (VIN.test(text)) return 'vin';
  // 17 letters and digits without a hyphen are a mistyped VIN, not a frame number.
  const frameLike = text.length >= FRAME_MIN_LENGTH && text.length <= FRAME_MAX_LENGTH && FRAME.test(text);
  if (frameLike && (text.includes('-') || text.length < 17)) return 'frame';
  return undefined;
}

const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
const LETTER_VALUES = 'A1B2C3D4E5F6G7H8J1K2L3M4N5P7R9S2T3U4V5W6X7Y8Z9';

function characterValue(character: string): number {
  if (character >= '0' && character <= '9') return Number(character);
  return Number(LETTER_VALUES[LETTER_VALUES.indexOf(character) + 1]);
}

/** The check digit that stands at position 9 of a VIN made for North America: 0–9 or X. */
export function vinCheckDigit(vin: string): string {
  const sum = Array.from(vin).reduce((total, character, index) => total + characterValue(character) * (WEIGHTS[index] ?? 0), 0);
  return sum % 11 === 10 ? 'X' : String(sum % 11);
}

/** The part of the world that the first character names (ISO 3780). */
function region(vin: string): string {
  const first = vin.charAt(0);
  if (first >= 'A' && first <= 'H') return 'Африка';
  if (first >= 'J' && first <= 'R') return 'Азия';
  if (first >= 'S' && first <= 'Z') return 'Европа и Россия';
  if (first >= '1' && first <= '5') return 'Северная Америка';
  if (first === '6' || first === '7') return 'Океания';
  return 'Южная Америка';
}

/** One Russian sentence for the buyer about the number: what it is and whether its check digit says something. */
export function vinRemark(vin: string): string {
  if (vinKind(vin) === 'frame') return 'номер кузова японского рынка, контрольного знака у него нет';
  const place = `изготовитель: ${region(vin)}`;
  if (vinCheckDigit(vin) === vin.charAt(8)) return `${place}; контрольный знак совпадает`;
  if (vin.charAt(0) >= '1' && vin.charAt(0) <= '5') {
    return `${place}; контрольный знак не совпадает: сверьте номер с табличкой на кузове`;
  }
  return `${place}; контрольный знак не используется (обязателен только в Северной Америке)`;
}
