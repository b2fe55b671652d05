/**
 * Page geometry (points, 1/72 inch), colours and type sizes of every report. Each colour's lightness differs too, so that grey prints stay
 * readable.
 */
import type { Severity } from '../diagnostics.ts';
import type { PaintClass } from '../thickness.ts';

export const page = { width: 595.28, height: 841.89, left: 42, right: 42, top: 40, bottom: 52 } as const;
export const contentWidth = page.width - page.left - page.right;
/** Nothing but the footer is drawn below this line. */
export const contentBottom = page.height - page.bottom;

export const color = {
  ink: '#17212B',
  muted: '#55616E',
  faint: '#8A94A0',
  line: '#D3D9E0',
  panel: '#F4F6F8',
  white: '#FFFFFF',
  brand: '#0F3553',
  accent: '#1F6FB2',
} as const;

export const size = { title: 20, heading: 13, body: 9, small: 8, tiny: 7 } as const;

/** A tone is what a colour says: its strong colour for signs and words, its pale one for backgrounds. */
export type Tone = 'danger' | 'warning' | 'notice' | 'good' | 'neutral';
export const tones: Readonly<Record<Tone, { strong: string; pale: string }>> = {
  danger: { strong: '#A8201A', pale: '#FBE9E7' },
  warning: { strong: '#9A5B00', pale: '#FFF3DC' },
  notice: { strong: '#1D5C99', pale: '#E8F1FA' },
  good: { strong: '#1B6B43', pale: '#E6F4EC' },
  neutral: { strong: '#4A5663', pale: '#EEF1F4' },
};

export const severityTone: Readonly<Record<Severity, Tone>> = { high: 'danger', medium: 'warning', low: 'notice' };
export const severityWord: Readonly<Record<Severity, string>> = { high: 'высокая', medium: 'средняя', low: 'низкая' };

/** A class of paint by colour, letter and word; the letter stands on the diagram for those who print in black and white. */
export const paintLook: Readonly<
  Record<PaintClass, { letter: string; word: string; fill: string; ink: string; tone: Tone; note: string }>
> = {
  // Not «З» for «заводская»: beside a number it reads as a three.
  factory: { letter: 'Н', word: 'норма', fill: '#E4F3EA', ink: '#1B6B43', tone: 'good', note: 'заводской слой' },
  thinned: { letter: 'Т', word: 'тонкий слой', fill: '#D6E6F6', ink: '#1D5C99', tone: 'notice', note: 'полировка или износ' },
  second_coat: { letter: 'О', word: 'окрашено', fill: '#F6B447', ink: '#4A2D00', tone: 'warning', note: 'второй слой краски' },
  filler: { letter: 'Ш', word: 'шпатлёвка', fill: '#E8604C', ink: '#FFFFFF', tone: 'danger', note: 'выправленное повреждение' },
  heavy: { letter: 'Р', word: 'серьёзный ремонт', fill: '#7A1712', ink: '#FFFFFF', tone: 'danger', note: 'слой толще миллиметра' },
};
