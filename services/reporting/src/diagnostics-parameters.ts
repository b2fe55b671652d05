/**
 * Live parameters (OBD-II service 01, SAE J1979) that a kiosk sends by name: their Russian names and the range that is normal for a warm
 * engine at idle, the state in which kiosks scan. A parameter without a range is printed without a judgement, because its normal value
 * depends on the engine.
 */
export type ParameterNorm = {
  title: string;
  /** The unit the range is in; a value in another unit is not judged. Latin spellings that scanners send are listed in `unitNames`. */
  unit?: string;
  min?: number;
  max?: number;
  /** From here on driving on ruins the engine or leaves the car without control. */
  stopBelow?: number;
  stopAbove?: number;
  /** Said when the value is out of range. */
  whenLow?: string;
  whenHigh?: string;
};

const leanHint = 'смесь бедная: подсос воздуха или нехватка топлива';
const richHint = 'смесь богатая: лишнее топливо или загрязнённый датчик воздуха';
const trim = (title: string, span: number): ParameterNorm => ({
  title,
  unit: '%',
  min: -span,
  max: span,
  whenLow: richHint,
  whenHigh: leanHint,
});

export const parameterNorms: Readonly<Record<string, ParameterNorm>> = {
  coolant_temperature: {
    title: 'Температура охлаждающей жидкости',
    unit: '°C',
    min: 75,
    max: 105,
    stopAbove: 115,
    whenLow: 'двигатель не прогрет или неисправен термостат',
    whenHigh: 'двигатель перегревается',
  },
  battery_voltage: {
    title: 'Напряжение бортовой сети',
    unit: 'В',
    min: 12.2,
    max: 14.9,
    whenLow: 'аккумулятор разряжен или нет зарядки от генератора',
    whenHigh: 'перезаряд: проверьте регулятор напряжения',
  },
  rpm: {
    title: 'Обороты двигателя (холостой ход)',
    unit: 'об/мин',
    min: 600,
    max: 1000,
    whenLow: 'обороты ниже нормы холостого хода',
    whenHigh: 'обороты выше нормы холостого хода',
  },
  short_fuel_trim_1: trim('Краткосрочная коррекция топлива, банк 1', 10),
  short_fuel_trim_2: trim('Краткосрочная коррекция топлива, банк 2', 10),
  long_fuel_trim_1: trim('Долгосрочная коррекция топлива, банк 1', 10),
  long_fuel_trim_2: trim('Долгосрочная коррекция топлива, банк 2', 10),
  intake_air_temperature: {
    title: 'Температура воздуха на впуске',
    unit: '°C',
    min: -40,
    max: 70,
    whenLow: 'проверьте датчик',
    whenHigh: 'впуск перегрет или неисправен датчик',
  },
  ambient_air_temperature: {
    title: 'Температура наружного воздуха',
    unit: '°C',
    min: -50,
    max: 55,
    whenLow: 'проверьте датчик',
    whenHigh: 'проверьте датчик',
  },
  oil_temperature: {
    title: 'Температура масла',
    unit: '°C',
    min: 60,
    max: 125,
    stopAbove: 145,
    whenLow: 'масло не прогрето',
    whenHigh: 'масло перегрето',
  },
  maf: {
    title: 'Массовый расход воздуха',
    unit: 'г/с',
    min: 1.5,
    max: 8,
    whenLow: 'воздуха меньше нормы холостого хода',
    whenHigh: 'воздуха больше нормы холостого хода',
  },
  map: {
    title: 'Давление во впускном коллекторе',
    unit: 'кПа',
    min: 20,
    max: 45,
    whenLow: 'проверьте датчик',
    whenHigh: 'подсос воздуха или слабая компрессия',
  },
  barometric_pressure: {
    title: 'Атмосферное давление',
    unit: 'кПа',
    min: 60,
    max: 106,
    whenLow: 'проверьте датчик',
    whenHigh: 'проверьте датчик',
  },
  throttle_position: {
    title: 'Положение дроссельной заслонки',
    unit: '%',
    min: 0,
    max: 22,
    whenHigh: 'заслонка на холостом ходу открыта больше обычного',
  },
  engine_load: {
    title: 'Расчётная нагрузка двигателя',
    unit: '%',
    min: 10,
    max: 40,
    whenLow: 'нагрузка ниже обычной',
    whenHigh: 'нагрузка на холостом ходу выше обычной',
  },
  vehicle_speed: { title: 'Скорость автомобиля', unit: 'км/ч', min: 0, max: 0, whenHigh: 'автомобиль двигался во время проверки' },
  fuel_level: { title: 'Уровень топлива', unit: '%' },
  fuel_pressure: {
    title: 'Давление топлива',
    unit: 'кПа',
    min: 250,
    max: 450,
    whenLow: 'слабый насос или засорён фильтр',
    whenHigh: 'неисправен регулятор давления',
  },
  oil_pressure: {
    title: 'Давление масла',
    unit: 'кПа',
    min: 80,
    max: 500,
    stopBelow: 30,
    whenLow: 'давление масла ниже нормы',
    whenHigh: 'давление масла выше нормы',
  },
  ignition_timing: {
    title: 'Угол опережения зажигания',
    unit: '°',
    min: -5,
    max: 25,
    whenLow: 'позднее зажигание',
    whenHigh: 'раннее зажигание',
  },
  oxygen_sensor_voltage_1: {
    title: 'Напряжение датчика кислорода до катализатора',
    unit: 'В',
    min: 0.05,
    max: 1,
    whenLow: 'проверьте датчик',
    whenHigh: 'проверьте датчик',
  },
  oxygen_sensor_voltage_2: {
    title: 'Напряжение датчика кислорода после катализатора',
    unit: 'В',
    min: 0.05,
    max: 1,
    whenLow: 'проверьте датчик',
    whenHigh: 'проверьте датчик',
  },
  catalyst_temperature: {
    title: 'Температура катализатора',
    unit: '°C',
    min: 200,
    max: 850,
    whenLow: 'катализатор не прогрет',
    whenHigh: 'катализатор перегрет',
  },
  engine_run_time: { title: 'Время работы двигателя', unit: 'с' },
  distance_since_cleared: { title: 'Пробег после стирания кодов', unit: 'км', min: 100, whenLow: 'память стирали недавно' },
  distance_with_mil: {
    title: 'Пробег с горящей лампой «Check Engine»',
    unit: 'км',
    min: 0,
    max: 0,
    whenHigh: 'с неисправностью уже ездили',
  },
};

/** Units as scanners write them (lower case), and as the report prints them. */
const unitNames: Readonly<Record<string, string>> = {
  v: 'В',
  volt: 'В',
  volts: 'В',
  mv: 'мВ',
  a: 'А',
  '1/min': 'об/мин',
  rpm: 'об/мин',
  'r/min': 'об/мин',
  'min-1': 'об/мин',
  'g/s': 'г/с',
  kpa: 'кПа',
  bar: 'бар',
  psi: 'psi',
  'km/h': 'км/ч',
  kmh: 'км/ч',
  km: 'км',
  c: '°C',
  '°c': '°C',
  '℃': '°C',
  degc: '°C',
  celsius: '°C',
  '%': '%',
  percent: '%',
  deg: '°',
  '°': '°',
  s: 'с',
  sec: 'с',
  min: 'мин',
  h: 'ч',
  ms: 'мс',
  l: 'л',
  'l/h': 'л/ч',
  hz: 'Гц',
  'n·m': 'Н·м',
  nm: 'Н·м',
};

export function russianUnit(unit: string): string {
  return unitNames[unit.trim().toLowerCase()] ?? unit;
}
