/** Numbers, dates and words as Russian print writes them. Written out rather than left to Intl, whose output changes with the ICU version. */
export const nbsp = '\u00A0';

/**
 * 84210 → «84 210», 1180 → «1180» (four digits are not split), 13.9 → «13,9», -5 → «−5»; at most `fraction` decimals, none of them zeros at
 * the end.
 */
export function formatNumber(value: number, fraction = 2): string {
  const rounded = Number(value.toFixed(fraction));
  const [whole = '0', decimals] = Math.abs(rounded).toFixed(fraction).split('.');
  const grouped = whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+(?!\d))/g, nbsp);
  const tail = decimals?.replace(/0+$/, '') ?? '';
  return `${rounded < 0 ? '−' : ''}${grouped}${tail === '' ? '' : `,${tail}`}`;
}

/** A number with its unit, never torn apart at a line's end. Degrees and per cent: «92 °C», «18,7 %», «5°». */
export function formatQuantity(value: number, unit: string, fraction = 2): string {
  if (unit === '') return formatNumber(value, fraction);
  return `${formatNumber(value, fraction)}${unit === '°' ? '' : nbsp}${unit}`;
}

const MOSCOW_OFFSET_MS = 3 * 3_600_000; // Moscow has had no summer time since 2014.
const two = (number: number): string => String(number).padStart(2, '0');

/** Epoch ms → «20.11.2026 12:41» in Moscow. */
export function formatMoscow(epochMs: number): string {
  const date = new Date(epochMs + MOSCOW_OFFSET_MS);
  const day = `${two(date.getUTCDate())}.${two(date.getUTCMonth() + 1)}.${date.getUTCFullYear()}`;
  return `${day}${nbsp}${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

export const moscowZone = 'МСК, UTC+3';

/** 48200 → «48 с», 125000 → «2 мин 5 с». */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}${nbsp}с`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${nbsp}мин${seconds % 60 === 0 ? '' : ` ${seconds % 60}${nbsp}с`}`;
  return `${Math.floor(minutes / 60)}${nbsp}ч${minutes % 60 === 0 ? '' : ` ${minutes % 60}${nbsp}мин`}`;
}

/** Short words that Russian typography does not leave alone at a line's end are tied to the next word. */
export function tieShortWords(text: string): string {
  return text.replace(/(?<=^|[\s(«])(а|в|и|к|о|с|у|во|до|за|из|на|не|но|об|от|по|со|для|при|или|без) (?=\S)/giu, `$1${nbsp}`);
}
