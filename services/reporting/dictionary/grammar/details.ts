/**
 * Details said in brackets after the part: which bank, which sensor, which circuit, on a cold start.
 *
 * English puts them in several places of the sentence; taking them out first lets the rest of the grammar
 * see only the part and what is wrong with it.
 */
type Cut = { rest: string; details: string[] };

type Detail = readonly [RegExp, (match: RegExpExecArray) => string];

const sides: Readonly<Record<string, string>> = {
  'front left': 'спереди слева', 'front right': 'спереди справа', 'rear left': 'сзади слева', 'rear right': 'сзади справа',
  front: 'спереди', rear: 'сзади', left: 'слева', right: 'справа',
};

const patterns: readonly Detail[] = [
  [/ bank (\d) sensor (\d)\/bank (\d) sensor (\d)/, (m) => `банк ${m[1]}, датчик ${m[2]} / банк ${m[3]}, датчик ${m[4]}`],
  [/ bank ?1\/bank ?2/, () => 'банки 1 и 2'],
  [/ bank (\d) sensors? (\d|[A-Z])$/, (m) => `банк ${m[1]}, датчик ${m[2]}`],
  [/ bank (\d) or single sensor/, (m) => `банк ${m[1]} или единственный датчик`],
  [/ bank (\d) unit (\d)/, (m) => `банк ${m[1]}, узел ${m[2]}`],
  [/ bank (\d) catalyst (\d)/, (m) => `банк ${m[1]}, нейтрализатор ${m[2]}`],
  [/ bank (\d)(?= |$)/, (m) => `банк ${m[1]}`],
  [/^bank (\d) /, (m) => `банк ${m[1]}`],
  [/^cold start /, () => 'холодный пуск'],
  [/ - fuel tank side$/, () => 'сторона топливного бака'],
  [/ - fresh air side$/, () => 'сторона свежего воздуха'],
  [/ \(cam\/rotor\/injector\)/, () => 'кулачок/ротор/форсунка'],
  [/ \((front|rear) axle\)$/, (m) => (m[1] === 'front' ? 'передняя ось' : 'задняя ось')],
  [/ \(chassis bus\)$/, () => 'шина шасси'],
  [/ during cylinder deactivation$/, () => 'при отключённых цилиндрах'],
  [/ during particulate filter regeneration$/, () => 'при регенерации сажевого фильтра'],
  [/ for particulate filter regeneration$/, () => 'для регенерации сажевого фильтра'],
  [/ - engine cranking(?= |$)/, () => 'при прокрутке стартером'],
  [/ - engine off(?= |$)/, () => 'при неработающем двигателе'],
  [/ at idle$/, () => 'на холостом ходу'],
  [/ at higher load$/, () => 'под нагрузкой'],
];

export function cutDetails(text: string): Cut {
  const found: Cut = { rest: text, details: [] };
  for (const [pattern, say] of patterns) {
    const match = pattern.exec(found.rest);
    if (match === null) continue;
    found.details.push(say(match));
    found.rest = `${found.rest.slice(0, match.index)} ${found.rest.slice(match.index + match[0].length)}`.trim().replace(/\s+/g, ' ');
  }
  return found;
}

/** "… circuit A low": the letter names the circuit, not the part. */
export function cutCircuitLabel(text: string): Cut {
  const match = / circuit ([A-Z]|\d)(?= |\/|$)/.exec(text);
  if (match === null) return { rest: text, details: [] };
  return { rest: text.replace(match[0], ' circuit'), details: [`цепь «${match[1]}»`] };
}

/** "Height Sensor Front Left": a place said after the part. */
export function cutPlace(text: string): Cut {
  const match = / (?:- )?((?:front|rear) (?:left|right)|front|rear|left|right)$/.exec(text);
  const place = sides[match?.[1] ?? ''];
  if (match === null || place === undefined) return { rest: text, details: [] };
  return { rest: text.slice(0, match.index), details: [place] };
}

export function inBrackets(details: readonly string[]): string {
  return details.length === 0 ? '' : ` (${details.join(', ')})`;
}
