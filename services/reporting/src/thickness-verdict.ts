/**
 * The verdict and the conclusions of a thickness report, by rules. The worst class on the car decides the verdict. Where nothing was found
 * it is `partial` if there were too few readings to know the car's own paint, or more than a third of its metal panels were left out: what was
 * not measured is not clean.
 */
import type { PaintClass, Panel, ThicknessAssessment } from './thickness.ts';

export type ThicknessVerdictLevel = 'heavy' | 'filler' | 'repainted' | 'repainted_whole' | 'thinned' | 'marked' | 'partial' | 'factory';
export type ThicknessVerdict = { level: ThicknessVerdictLevel; title: string; found: string; meaning: string; advice: string };

type Facts = Pick<ThicknessAssessment, 'own' | 'panels' | 'suspicious' | 'notMeasured' | 'vinRemark'>;

const lower = (title: string): string => title.charAt(0).toLowerCase() + title.slice(1);
const round = (valueUm: number): string => String(Math.round(valueUm));
/** Most cars' factory paint lies between these; single makes are outside. */
const THIN_FACTORY_UM = 75;
const THICK_FACTORY_UM = 165;
const BARE_METAL_UM = 20;
/** Of the metal panels. */
const MOST_LEFT_OUT = 1 / 3;
const UM = '\u00A0мкм';

function panelsOf(panels: readonly Panel[], ...classes: PaintClass[]): Panel[] {
  return panels.filter(({ paintClass }) => classes.includes(paintClass));
}

function thickest({ title, readings, maxUm }: Panel): string {
  const different = readings.filter(({ paintClass }) => paintClass !== 'factory').length;
  const partly = different * 2 < readings.length ? 'местами ' : '';
  return `${lower(title)} (${partly}до\u00A0${round(maxUm)}${UM})`;
}

const thinnest = ({ title, minUm }: Panel): string => `${lower(title)} (от\u00A0${round(minUm)}${UM})`;

/** Panels of usual paint that have a point which the kiosk marked. */
function markedTitles(suspicious: Facts['suspicious']): string[] {
  return [...new Set(suspicious.filter(({ paintClass, statusGiven }) => paintClass === 'factory' && statusGiven).map(({ title }) => lower(title)))];
}

function list(named: readonly string[], atMost = named.length): string {
  const listed = named.slice(0, atMost).join(', ');
  return named.length > atMost ? `${listed} и ещё\u00A0${named.length - atMost}` : listed;
}

function sentence(parts: readonly string[]): string {
  const text = parts.join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function levelOf({ panels, own, suspicious, notMeasured }: Facts): ThicknessVerdictLevel {
  const has = (paintClass: PaintClass) => panels.some((panel) => panel.paintClass === paintClass);
  if (has('heavy')) return 'heavy';
  if (has('filler')) return 'filler';
  if (own.why === 'too_thick') return 'repainted_whole';
  if (has('second_coat')) return 'repainted';
  if (has('thinned')) return 'thinned';
  if (suspicious.length > 0) return 'marked';
  const leftOut = notMeasured.filter(({ plastic }) => !plastic).length;
  return own.why === 'few_readings' || leftOut > (panels.length + leftOut) * MOST_LEFT_OUT ? 'partial' : 'factory';
}

const WORDS: Record<ThicknessVerdictLevel, { title: string; meaning: string; advice: string }> = {
  heavy: {
    title: 'Найдены следы серьёзного кузовного ремонта',
    meaning: 'Слой толще миллиметра бывает после вытяжки или замены части панели: вероятно, был удар.',
    advice: 'Проверьте геометрию кузова и историю ДТП, осмотрите скрытые полости. Учтите ремонт в цене.',
  },
  filler: {
    title: 'Найдена шпатлёвка',
    meaning: 'Панель была повреждена и выправлена. Под толстым слоем металл со временем может ржаветь.',
    advice: 'Осмотрите панель изнутри, спросите о причине ремонта, учтите его в цене.',
  },
  repainted_whole: {
    title: 'Покрытие по всему кузову толще заводского',
    meaning: 'Вероятна полная перекраска: собственная медиана автомобиля не может служить образцом.',
    advice: 'Осмотрите проёмы, уплотнители и крепёж дверей на следы краски, спросите о причине.',
  },
  repainted: {
    title: 'Найдены повторно окрашенные панели',
    meaning: 'Второй слой краски без шпатлёвки: косметический ремонт — царапины, сколы, мелкие вмятины.',
    advice: 'Спросите о причине окраски. Безопасности косметический ремонт не касается.',
  },
  thinned: {
    title: 'Следов окраски не найдено, слой местами тонкий',
    meaning: 'Тонкий слой остаётся после частой полировки: запас защиты от коррозии меньше.',
    advice: 'Избегайте абразивной полировки этих мест.',
  },
  marked: {
    title: 'Значения заводские, есть отметки при замере',
    meaning: 'По толщине отличий нет, но при замере некоторые точки отмечены особо.',
    advice: 'Осмотрите отмеченные места при хорошем свете.',
  },
  partial: {
    title: 'Измерено слишком мало для вывода о кузове',
    meaning: 'На измеренных панелях отличий нет, но ремонта остальных это не исключает.',
    advice: 'Измерьте все панели, не меньше трёх точек на каждой, и сравните их между собой.',
  },
  factory: {
    title: 'Следов окраски не найдено',
    meaning: 'Толщина покрытия ровная и соответствует заводской окраске этого автомобиля.',
    advice: 'По покрытию замечаний нет.',
  },
};

/** Panels named in the verdict itself; the conclusions name all. */
const SHORT_LIST = 5;

function found({ panels, own, suspicious }: Facts): string {
  const repainted = panelsOf(panels, 'second_coat').map(thickest);
  const filled = panelsOf(panels, 'filler', 'heavy').map(thickest);
  const parts: string[] = [];
  if (repainted.length > 0) parts.push(`окрашено: ${list(repainted, SHORT_LIST)}`);
  if (filled.length > 0) parts.push(`шпатлёвка: ${list(filled, SHORT_LIST)}`);
  if (parts.length > 0) return sentence(parts);
  const thinned = panelsOf(panels, 'thinned').map(thinnest);
  const marked = markedTitles(suspicious);
  if (thinned.length > 0) parts.push(`тонкий слой: ${list(thinned, SHORT_LIST)}`);
  if (marked.length > 0) parts.push(`отмечено при замере: ${list(marked, SHORT_LIST)}`);
  const points = panels.reduce((sum, { readings }) => sum + readings.length, 0);
  const thick = own.trusted && own.medianUm > THICK_FACTORY_UM ? ' Краска толще обычной, но ровная по всему кузову.' : '';
  return `Измерено панелей: ${panels.length}, точек: ${points}. ${parts.length > 0 ? sentence(parts) : 'Отличий нет.'}${thick}`;
}

export function verdictFor(facts: Facts): ThicknessVerdict {
  const level = levelOf(facts);
  return { level, found: found(facts), ...WORDS[level] };
}

/** The sentences at the end of the report. Each `if` is one rule. */
export function conclusionsFor({ own, panels, suspicious, notMeasured }: Facts): string[] {
  const lines: string[] = [];
  if (suspicious.length === 0 && own.trusted) lines.push('Следов окраски и шпатлёвки на измеренных панелях не найдено.');
  const repainted = panelsOf(panels, 'second_coat');
  const filled = panelsOf(panels, 'filler', 'heavy');
  const thinned = panelsOf(panels, 'thinned');
  if (repainted.length > 0) lines.push(`Окрашено: ${list(repainted.map(thickest))}.`);
  if (filled.length > 0) lines.push(`Шпатлёвка: ${list(filled.map(thickest))}.`);
  if (panels.some(({ paintClass }) => paintClass === 'heavy'))
    lines.push('Местами слой толще 1\u00A0мм: это следы серьёзного ремонта, проверьте геометрию кузова.');
  if (thinned.length > 0)
    lines.push(`Тонкий слой (полировка): ${list(thinned.map(thinnest))}.`);
  if (own.why === 'too_thick')
    lines.push(`Медиана по кузову ${round(own.medianUm)}${UM}: толще, чем красят заводы. Вероятна полная перекраска.`);
  if (own.why === 'too_thin')
    lines.push(`Медиана по кузову ${round(own.medianUm)}${UM}: тоньше, чем красят заводы. Проверьте настройку прибора.`);
  if (own.why === 'few_readings')
    lines.push('Точек мало: собственная толщина автомобиля не определена, значения сравнены только с общими нормами.');
  if (own.trusted && own.medianUm > THICK_FACTORY_UM) {
    lines.push(
      `Краска на всём автомобиле толще обычной (медиана ${round(own.medianUm)}${UM}) и ровная: так красят `
        + `некоторые заводы, само по себе это не след ремонта.`,
    );
  }
  if (own.trusted && own.medianUm < THIN_FACTORY_UM)
    lines.push(`Краска на всём автомобиле тоньше обычной (медиана ${round(own.medianUm)}${UM}) и ровная: так красят некоторые заводы.`);
  const marked = markedTitles(suspicious);
  if (marked.length > 0) lines.push(`Отмечено при замере, хотя толщина обычная: ${list(marked)}.`);
  if (panels.some(({ minUm }) => minUm < BARE_METAL_UM))
    lines.push('Значения ниже 20\u00A0мкм бывают на голом металле или при неплотно прижатом датчике: повторите замер этих точек.');
  const plastic = notMeasured.filter((zone) => zone.plastic).map(({ title }) => lower(title));
  const skipped = notMeasured.filter((zone) => !zone.plastic).map(({ title }) => lower(title));
  if (plastic.length > 0)
    lines.push(`Не измерялось: ${plastic.join(', ')}. Бамперы обычно пластиковые, магнитный толщиномер на них не работает.`);
  if (skipped.length > 0) lines.push(`Не измерялось: ${skipped.join(', ')}. О состоянии этих панелей отчёт ничего не говорит.`);
  return lines;
}
