import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { buildDictionary } from '../dictionary/build.ts';
import { declineNoun, declinePhrase } from '../dictionary/grammar/decline.ts';
import { compose } from '../dictionary/grammar/compose.ts';
import { lexicon } from '../dictionary/grammar/lexicon.ts';
import { severityOf } from '../dictionary/grammar/severity.ts';
import { lookUpDtc } from './dictionary.ts';

const table = (name: string): string[][] =>
  readFileSync(new URL(`../dictionary/${name}`, import.meta.url), 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t'));

const english = table('generic.en.tsv');
const russian = table('generic.ru.tsv');
const common = table('common.ru.tsv');
const meanings = russian.map(([code = '', , meaning = '']) => ({ code, meaning }));

/** What a Russian mechanic writes in Latin letters; a lone letter is the label of a part, a bus or a phase. */
const allowedLatin = new Set([
  'EVAP', 'EGR', 'SCR', 'NOx', 'CAN', 'CAN-H', 'CAN-L', 'VIN', 'DC', 'AC', 'CP', 'USB', 'Bluetooth',
  'RAM', 'ROM', 'KAM', 'NVRAM', 'EEPROM', 'U-V-W', 'X-Y-Z', 'X-Y',
]);

const isEnglish = (word: string): boolean => !/^[A-Z]$/.test(word) && !allowedLatin.has(word);

const latinWords = (text: string): string[] => text.match(/[A-Za-z][A-Za-z-]*/g) ?? [];

/** Meanings that fail a check, shown with their codes so that a failure says what to mend. */
const offenders = (isWrong: (meaning: string) => boolean): string[] =>
  meanings.filter(({ meaning }) => isWrong(meaning)).map(({ code, meaning }) => `${code} ${meaning}`);

test('every code of the tables is found with what its lines say, and none that is not there', () => {
  const advice = new Map(common.map(([code = '', , , causes = '', text = '']) => [code, { causes: causes === '' ? [] : causes.split('; '), ...(text === '' ? {} : { advice: text }) }]));
  expect(russian.map(([code = '']) => lookUpDtc(code)))
    .toEqual(russian.map(([code = '', severity, meaning]) => ({ code, origin: 'generic', severity, meaning, causes: [], ...advice.get(code) })));
  const codes = new Set(russian.map(([code = '']) => code));
  expect([...codes]).toEqual([...codes].toSorted());
  expect(common.map(([code = '']) => code)).toEqual(common.map(([code = '']) => code).toSorted());
  for (const code of ['', 'A', 'B0000', 'P0000', 'P00000', 'U3FFF', 'ZZZZZ', 'code', 'P0171\tlow']) if (!codes.has(code)) expect(lookUpDtc(code).origin).not.toBe('generic');
});

describe('the dictionary as a whole', () => {
  test('every generic code has a Russian meaning', () => {
    expect(english).toHaveLength(9532);
    expect(new Set(russian.map(([code]) => code))).toEqual(new Set(english.map(([code]) => code)));
    expect(russian).toHaveLength(english.length);
    expect(offenders((meaning) => !/[а-яё]{3}/i.test(meaning))).toEqual([]);
  });

  test('no Latin word outside the allowed abbreviations', () => {
    expect(offenders((meaning) => latinWords(meaning).some((word) => isEnglish(word)))).toEqual([]);
    const written = common.flatMap(([code = '', , , causes = '', advice = '']) => [`${code} ${causes}`, `${code} ${advice}`]);
    expect(written.filter((text) => latinWords(text.slice(5)).some((word) => isEnglish(word)))).toEqual([]);
  });

  test('the grammar by itself leaves no English either', () => {
    const composed = english.map(([code = '', meaning = '']) => `${code} ${compose(meaning) ?? meaning}`);
    expect(composed.filter((line) => latinWords(line.slice(5)).some((word) => isEnglish(word)))).toEqual([]);
  });

  test('the committed file is what the grammar gives', () => {
    expect(readFileSync(new URL('../dictionary/generic.ru.tsv', import.meta.url), 'utf8')).toBe(buildDictionary());
  });

  test.each<[string, (meaning: string) => boolean]>([
    ['starts with a capital letter', (meaning) => !/^[А-ЯЁ]/.test(meaning)],
    ['has balanced brackets', (meaning) => (meaning.match(/[(«]/g) ?? []).length !== (meaning.match(/[)»]/g) ?? []).length],
    ['has no stray spaces', (meaning) => meaning !== meaning.trim() || / {2}| [,:;.)»]|[(«] /.test(meaning)],
    ['has no leftover marks', (meaning) => /[|{}_?]|undefined|: *$|: :/.test(meaning)],
    ['does not double a word', (meaning) => /(?<![а-яё])([а-яё]{2,}) \1(?![а-яё])/i.test(meaning)],
    ['does not say its signal twice', (meaning) => /^([А-Я][а-яё]+ )?[Сс]игнал [^:]*: (низкий|высокий|прерывистый|неустойчивый) .*сигнал/.test(meaning)],
    ['calls the voltage of a supply no signal', (meaning) => /^Питание [^:]*: .*уровень сигнала/.test(meaning)],
    ['does not join a Latin and a Cyrillic letter', (meaning) => /[a-z][а-яё]|[а-яё][a-z]/i.test(meaning)],
  ])('every meaning %s', (_rule, isWrong) => {
    expect(offenders(isWrong)).toEqual([]);
  });

  test("no maker's own code is in it", () => {
    expect(russian.filter(([code = '']) => /^(P1|P3[0-3]|[CBU][12])/.test(code))).toEqual([]);
  });

  test('the hand-written entries are whole and belong to generic codes', () => {
    const known = new Set(english.map(([code]) => code));
    expect(common.length).toBeGreaterThanOrEqual(300);
    for (const [code = '', severity = '', meaning = '', causes = '', advice = ''] of common) {
      expect(known).toContain(code);
      expect(['', 'high', 'medium', 'low']).toContain(severity);
      expect(meaning).not.toBe('');
      expect(causes.split('; ').length).toBeGreaterThanOrEqual(2);
      expect(causes.split('; ').length).toBeLessThanOrEqual(5);
      expect(advice).toMatch(/^[А-ЯЁ].*\.$/);
    }
  });
});

describe('declension', () => {
  test.each([
    ['датчик', 'датчика', 'датчиком'], ['форсунка', 'форсунки', 'форсункой'], ['муфта', 'муфты', 'муфтой'],
    ['двигатель', 'двигателя', 'двигателем'], ['цепь', 'цепи', 'цепью'], ['давление', 'давления', 'давлением'],
    ['уровень', 'уровня', 'уровнем'], ['замок', 'замка', 'замком'], ['газы', 'газов', 'газами'], ['реле', 'реле', 'реле'],
    ['круиз-контроль', 'круиз-контроля', 'круиз-контролем'], ['турбокомпрессор/нагнетатель', 'турбокомпрессора/нагнетателя', 'турбокомпрессором/нагнетателем'],
  ])('%s', (nominative, genitive, instrumental) => {
    expect([declineNoun(nominative, 'gen'), declineNoun(nominative, 'ins')]).toEqual([genitive, instrumental]);
  });

  test.each([
    ['охлаждающая жидкость', 'охлаждающей жидкости'], ['перепускной клапан | турбины', 'перепускного клапана турбины'],
    ['тяговая батарея', 'тяговой батареи'], ['отработавшие газы', 'отработавших газов'], ['массовый (объёмный) расход | воздуха', 'массового (объёмного) расхода воздуха'],
  ])('%s', (phrase, genitive) => {
    expect(declinePhrase(phrase, 'gen')).toBe(genitive);
  });
});

describe('the lexicon', () => {
  test('every phrase can be said in every case', () => {
    const things = [...lexicon.values()].filter((entry) => entry.kind === 'thing').map((entry) => entry.russian);
    const cases = things.flatMap((russian) => [declinePhrase(russian, 'gen'), declinePhrase(russian, 'ins')]);
    expect(cases.filter((said) => said === '' || /[|]| {2}/.test(said))).toEqual([]);
  });
});

describe('severity rules', () => {
  test.each([
    ['P0302', 'Cylinder 2 Misfire Detected', 'high'],
    ['P0524', 'Engine Oil Pressure Too Low', 'high'],
    ['P0217', 'Engine Coolant Over Temperature Condition', 'high'],
    ['P008A', 'Low Pressure Fuel System Pressure - Too Low', 'high'],
    ['P2105', 'Throttle Actuator Control System - Forced Engine Shutdown', 'high'],
    ['P0016', 'Crankshaft Position - Camshaft Position Correlation Bank 1 Sensor A', 'high'],
    ['P0AA6', 'Hybrid/EV Battery Voltage System Isolation Fault', 'high'],
    ['P0732', 'Gear 2 Incorrect Ratio', 'high'],
    ['B0005', 'Driver Frontal Deployment Loop Open', 'high'],
    ['C055E', 'Brake Hydraulic Circuit A Leak', 'high'],
    ['C0745', 'Electric Power Steering Overtemperature Protection', 'high'],
    ['U0121', 'Lost Communication with ABS Control Module', 'high'],
    ['P0420', 'Catalyst System Efficiency Below Threshold Bank 1', 'medium'],
    ['P02CC', 'Cylinder 1 Fuel Injector A Offset Learning At Min Limit', 'medium'],
    ['P0113', 'Intake Air Temperature Sensor 1 Circuit High Bank 1', 'medium'],
    ['P0401', 'EGR A Flow Insufficient Detected', 'medium'],
    ['P0455', 'EVAP System Leak Detected - Large Leak', 'medium'],
    ['B0235', 'Brake Lamp Circuit', 'medium'],
    ['C0306', 'Ride Height Sensor Front Left', 'medium'],
    ['P0442', 'EVAP System Leak Detected (small leak)', 'low'],
    ['P0457', 'EVAP System Leak Detected (fuel cap loose/off)', 'low'],
    ['B0335', 'Driver Seat Heater Circuit', 'low'],
    ['U0184', 'Lost Communication with Radio', 'low'],
    ['P2668', 'Fuel Mode Indicator Lamp Control Circuit', 'low'],
    ['P0700', 'Transmission Control System (MIL Request)', 'low'],
  ])('%s %s is %s', (code, meaning, severity) => {
    expect(severityOf(code, meaning)).toBe(severity);
  });
});

describe('golden sentences of the grammar', () => {
  test.each([
    ['Mass or Volume Air Flow Sensor A Circuit Range/Performance', 'Датчик массового (объёмного) расхода воздуха «A»: выход сигнала за допустимый диапазон'],
    ['O2 Sensor Circuit Low Voltage Bank 1 Sensor 2', 'Датчик кислорода (банк 1, датчик 2): низкое напряжение сигнала'],
    ['Catalyst System Efficiency Below Threshold Bank 1', 'Каталитический нейтрализатор (банк 1): эффективность ниже нормы'],
    ['Cylinder 3 Misfire Detected', 'Пропуски воспламенения в цилиндре 3'],
    ['Cylinder 3 Injector B Circuit Low', 'Форсунка «B» цилиндра 3: низкий уровень сигнала в цепи'],
    ['Crankshaft Position Sensor A Circuit Intermittent', 'Датчик положения коленвала «A»: прерывистый сигнал'],
    ['Lost Communication With ABS Control Module', 'Нет связи с блоком управления АБС'],
    ['Lost Communication with Instrument Panel Cluster', 'Нет связи со щитком приборов'],
    ['Lost Communication With Exhaust Gas Temperature Sensor Bank 1 Sensor 2', 'Нет связи с датчиком температуры отработавших газов (банк 1, датчик 2)'],
    ['Invalid Data Received From Power Steering Control Module', 'Недостоверные данные от блока управления усилителем руля'],
    ['Software Incompatibility With Door Control Module A', 'Несовместимость программного обеспечения с блоком управления дверью «A»'],
    ['Drive Motor A Phase U Current Sensor Circuit High', 'Датчик тока фазы U тягового электродвигателя «A»: высокий уровень сигнала'],
    ['Drive Motor A Inverter Voltage Sensor B Circuit Low', 'Датчик напряжения инвертора «B» тягового электродвигателя «A»: низкий уровень сигнала'],
    ['Generator Phase U-V-W Circuit/Open', 'Фазы U-V-W генератора: неисправность или обрыв цепи'],
    ['Driver Frontal Deployment Loop Short to Ground', 'Фронтальная подушка водителя: замыкание цепи подрыва на массу'],
    ['Driver Frontal Deployment Loop Short to Battery', 'Фронтальная подушка водителя: замыкание цепи подрыва на бортсеть (+)'],
    ['Left Front Wheel Speed Sensor Circuit Low', 'Датчик частоты вращения левого переднего колеса: низкий уровень сигнала'],
    ['Ride Height Sensor Front Left', 'Датчик уровня кузова (спереди слева): неисправность'],
    ['A Camshaft Position Actuator A Control Circuit/Open Bank 1', 'Фазовращатель распредвала «A», привод «A» (банк 1): неисправность или обрыв цепи управления'],
    ['B Camshaft Position - Timing Over-Advanced or System Performance Bank 2', 'Фаза распредвала «B» (банк 2): чрезмерное опережение или нарушение работы системы'],
    ['Crankshaft Position - Camshaft Position Correlation Bank 1 Sensor A', 'Рассогласование сигналов: положение коленвала — положение распредвала (банк 1, датчик A)'],
    ['Throttle/Pedal Position Sensor/Switch A/B Voltage Correlation', 'Напряжение датчика/выключателя положения дроссельной заслонки/педали «A»/«B»: рассогласование сигналов'],
    ['Turbocharger/Supercharger A Underboost Condition', 'Турбокомпрессор/нагнетатель «A»: давление наддува ниже нормы'],
    ['Turbocharger/Supercharger Wastegate Actuator A High', 'Привод перепускного клапана турбины «A»: высокий уровень сигнала в цепи'],
    ['Fuel Pump A Control Circuit/Open', 'Топливный насос «A»: неисправность или обрыв цепи управления'],
    ['Fuel Pump Control Module Requested MIL Illumination', 'Блок управления топливным насосом: запрос на включение лампы неисправности двигателя'],
    ['Fuel Rail Pressure Too Low - Engine Cranking Bank 1', 'Давление в топливной рампе (банк 1, при прокрутке стартером): ниже нормы'],
    ['EVAP System Leak Detected - Large Leak', 'Система улавливания паров топлива (EVAP): обнаружена большая утечка'],
    ['EVAP System Purge Control Valve B Performance/Stuck Open', 'Клапан продувки адсорбера (EVAP) «B»: некорректная работа или заклинивание в открытом положении'],
    ['EGR Cooler Bypass Position Sensor Circuit High Bank 2', 'Датчик положения перепускной заслонки охладителя EGR (банк 2): высокий уровень сигнала'],
    ['Charge Air Cooler Coolant Pump A Control Circuit Low', 'Насос охлаждающей жидкости интеркулера «A»: низкий уровень сигнала в цепи управления'],
    ['Engine Coolant Temperature Sensor 2 Circuit High', 'Датчик температуры охлаждающей жидкости двигателя № 2: высокий уровень сигнала'],
    ['Intake Air Temperature Sensor 2 Circuit Low Bank 2', 'Датчик температуры воздуха на впуске № 2 (банк 2): низкий уровень сигнала'],
    ['Cold Start Fuel Pressure Performance Bank 1', 'Давление топлива (банк 1, холодный пуск): не соответствует норме'],
    ['Gear 6 Incorrect Ratio', 'Неверное передаточное отношение 6-й передачи'],
    ['Unable to Engage Gear 2', 'Не включается 2-я передача'],
    ['Shift Solenoid A Performance/Stuck Off', 'Электромагнитный клапан переключения передач «A»: некорректная работа или заклинивание в выключенном положении'],
    ['Transmission Fluid Temperature Sensor A Circuit High', 'Датчик температуры масла АКПП «A»: высокий уровень сигнала'],
    ['Torque Converter Clutch Circuit Electrical', 'Блокировка гидротрансформатора: электрическая неисправность'],
    ['Clutch A Pressure Sensor Circuit', 'Датчик давления сцепления «A»: неисправность цепи'],
    ['Reductant Heater A Control Circuit High', 'Нагреватель мочевины «A»: высокий уровень сигнала в цепи управления'],
    ['SCR NOx Catalyst Efficiency Below Threshold Bank 1 Catalyst 1', 'Нейтрализатор SCR (банк 1, нейтрализатор 1): эффективность ниже нормы'],
    ['NOx Exceedence - Empty Reagent Tank', 'Превышение NOx: пуст бак реагента'],
    ['Particulate Filter Restriction - Soot Accumulation Bank 1', 'Сажевый фильтр (банк 1): засорение сажей'],
    ['Closed Loop Fuel Pressure Control At Limit - Pressure Too High', 'Управление давлением топлива с обратной связью на пределе: давление выше нормы'],
    ['Hybrid/EV Battery Pack Coolant Pump A Stuck/Stalled', 'Насос охлаждения тяговой батареи «A»: заклинивание'],
    ['Battery Charger Input Current Too High', 'Входной ток зарядного устройства: выше нормы'],
    ['DC/DC Converter Temperature Sensor A Circuit High', 'Датчик температуры преобразователя DC/DC «A»: высокий уровень сигнала'],
    ['A/C Refrigerant Pressure Sensor B Circuit Low', 'Датчик давления хладагента кондиционера «B»: низкий уровень сигнала'],
    ['Vehicle Communication Bus A (+) Open', 'Шина связи автомобиля «A»: обрыв провода «плюс»'],
    ['Vehicle Communication Bus A (-) shorted to Bus A (+)', 'Шина связи автомобиля «A»: провод «минус» замкнут на провод «плюс»'],
    ['Internal Control Module Torque Calculation Performance', 'Внутренняя проверка блока управления: расчёт крутящего момента — некорректная работа'],
    ['Cylinder 5 Deactivation/Intake Valve Control Circuit Low', 'Впускной клапан отключаемого цилиндра 5: низкий уровень сигнала в цепи управления'],
    ['Ambient Air Temperature Sensor Circuit A Low', 'Датчик температуры наружного воздуха (цепь «A»): низкий уровень сигнала'],
    ['Control Module Input Power A Circuit Low', 'Питание блока управления «A»: низкое напряжение в цепи'],
    ['Glow Plug Control Module 1 Memory Checksum Error', 'Память блока управления свечами накаливания № 1: ошибка контрольной суммы'],
    ['ABS Pump Motor Stalled', 'Электродвигатель насоса АБС: заклинивание'],
    ['Brake Pressure Sensor C Missing Calibration', 'Датчик давления тормозной жидкости «C»: нет калибровки'],
    ['License Plate Lamp Circuit', 'Подсветка номерного знака: неисправность цепи'],
    ['Second Row Left Seat Belt Pretensioner A Deployment Control', 'Преднатяжитель левого ремня второго ряда «A»: неисправность цепи подрыва'],
    ['Cylinder 8 Glow Plug Control Circuit Low', 'Свеча накаливания цилиндра 8: низкий уровень сигнала в цепи управления'],
    ['Alternative Fuel Tank A Level Sensor Circuit Low', 'Датчик уровня в баллоне альтернативного топлива «A»: низкий уровень сигнала'],
    ['Replace Hybrid/EV Battery Pack', 'Тяговая батарея требует замены'],
  ])('%s', (meaning, expected) => {
    expect(compose(meaning)).toBe(expected);
  });

  test('a meaning the lexicon does not know is not half said', () => {
    expect(compose('Flux Capacitor Circuit Low')).toBeUndefined();
  });
});

describe('lookUpDtc', () => {
  test('a common code has causes and advice', () => {
    const entry = lookUpDtc('P0301');
    expect(entry).toMatchObject({ code: 'P0301', origin: 'generic', severity: 'high', meaning: 'Пропуски воспламенения в цилиндре 1' });
    expect(entry.causes.length).toBeGreaterThan(1);
    expect(entry.advice).toMatch(/катушку цилиндра 1/);
  });

  test('a rarer generic code has a meaning and says nothing of causes', () => {
    const entry = lookUpDtc('U3574');
    expect(entry).toEqual({ code: 'U3574', origin: 'generic', severity: 'medium', causes: [], meaning: 'Смесительный клапан охлаждающей жидкости: неисправность' });
  });

  test('the code is read as scanners write it', () => {
    expect(lookUpDtc(' p0171 ').code).toBe('P0171');
  });

  test.each([
    ['P1135', 'двигатель'], ['P3000', 'двигатель'], ['P33FF', 'двигатель'], ['B1000', 'кузов'], ['B2AAA', 'кузов'],
    ['C1234', 'шасси'], ['C2100', 'шасси'], ['U1000', 'сеть'], ['U2100', 'сеть'],
  ])("%s is a maker's own and is not guessed", (code, system) => {
    const entry = lookUpDtc(code);
    expect(entry).toMatchObject({ code, origin: 'maker', severity: 'medium', causes: [] });
    expect(entry.meaning).toContain('Код производителя');
    expect(entry.meaning).toContain(system);
  });

  test.each(['P0FFF', 'P2FFF', 'P3FFF', 'U3FFF', 'B0FFF'])('%s is generic but absent, and says so', (code) => {
    expect(lookUpDtc(code)).toMatchObject({ code, origin: 'unknown', meaning: expect.stringContaining('в справочнике его нет') });
  });

  test.each(['B3000', 'C3ABC'])('%s is reserved by the standard, and says so', (code) => {
    expect(lookUpDtc(code)).toMatchObject({ code, origin: 'unknown', meaning: expect.stringContaining('зарезервирован') });
  });

  test.each(['', 'P99', 'X0100', 'P0G00', 'P4000'])('"%s" is no fault code', (code) => {
    expect(lookUpDtc(code)).toMatchObject({ origin: 'unknown', meaning: expect.stringContaining('не похожа') });
  });
});
