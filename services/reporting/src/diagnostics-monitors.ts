/**
 * Readiness monitors (SAE J1979 service 01 PID 01): self-tests of the engine control unit. They become "not ready" when the fault memory is
 * cleared and finish one by one over 50–150 km, so few ready monitors mean that faults may not have come back yet.
 */
export type ReadinessLevel = 'ready' | 'almost' | 'incomplete' | 'just_cleared' | 'unknown';

export const monitorTitles: Readonly<Record<string, string>> = {
  misfire: 'Пропуски воспламенения',
  fuel_system: 'Топливная система',
  components: 'Датчики и исполнительные устройства',
  catalyst: 'Каталитический нейтрализатор',
  heated_catalyst: 'Подогрев нейтрализатора',
  evap: 'Улавливание паров топлива',
  secondary_air: 'Подача вторичного воздуха',
  ac_refrigerant: 'Хладагент кондиционера',
  oxygen_sensor: 'Датчики кислорода',
  oxygen_sensor_heater: 'Подогрев датчиков кислорода',
  egr: 'Рециркуляция отработавших газов',
  nmhc_catalyst: 'Нейтрализатор углеводородов (дизель)',
  nox_scr: 'Нейтрализация оксидов азота (SCR)',
  boost_pressure: 'Давление наддува',
  exhaust_gas_sensor: 'Датчик отработавших газов',
  pm_filter: 'Сажевый фильтр',
};

/** These three run all the time and are ready minutes after a clear, so they say nothing about how long ago it was. */
const CONTINUOUS = new Set(['misfire', 'fuel_system', 'components']);

/**
 * - `unknown`      the scanner sent no monitors
 * - `just_cleared` fewer than half of the non-continuous monitors are ready
 * - `incomplete`   two or more monitors are not ready (emissions inspections in the USA refuse such a car, 40 CFR 85.2222)
 * - `almost`       exactly one is not ready, which happens in ordinary use
 */
export function readinessLevel(monitors: ReadonlyArray<{ name: string; ready: boolean }> | undefined): ReadinessLevel {
  if (!monitors || monitors.length === 0) return 'unknown';
  const notReady = monitors.filter((monitor) => !monitor.ready).length;
  const slow = monitors.filter((monitor) => !CONTINUOUS.has(monitor.name));
  const slowReady = slow.filter((monitor) => monitor.ready).length;
  if (slow.length >= 2 && slowReady * 2 < slow.length) return 'just_cleared';
  if (notReady >= 2) return 'incomplete';
  return notReady === 1 ? 'almost' : 'ready';
}
