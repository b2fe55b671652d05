/**
 * What a report says about a code whose own causes or advice the dictionary does not have. Chosen by what the meaning speaks of, and never
 * more than the meaning supports: wiring for circuit faults, the bus for lost communication, the maker's documents for the rest.
 */
import type { DtcMeaning } from './diagnostics.ts';

const COMMUNICATION = /связ|обмен данными|шин[аы] /i;
const CIRCUIT = /цеп|обрыв|замыкан|напряжени|сигнал|диапазон/i;

export function usualCauses({ origin, meaning, causes }: Pick<DtcMeaning, 'origin' | 'meaning' | 'causes'>): readonly string[] {
  if (causes.length > 0 || origin !== 'generic') return causes;
  if (COMMUNICATION.test(meaning)) return ['питание или «масса» блока', 'разъём или проводка шины данных', 'сам блок управления'];
  if (CIRCUIT.test(meaning)) return ['плохой контакт в разъёме', 'повреждение проводки', 'неисправность самого узла'];
  return [];
}

export function usualAdvice({ origin, meaning, advice }: Pick<DtcMeaning, 'origin' | 'meaning' | 'advice'>): string {
  if (advice !== undefined && advice !== '') return advice;
  if (origin === 'maker') return 'Прочитайте код дилерским сканером или сканером, поддерживающим эту марку.';
  if (origin === 'unknown') return 'Уточните значение по документации марки.';
  if (COMMUNICATION.test(meaning)) return 'Проверьте питание и предохранители блока, затем разъёмы и шину данных.';
  if (CIRCUIT.test(meaning)) return 'Осмотрите разъём и проводку, измерьте сигнал; меняйте узел только после проверки цепи.';
  return 'Проверьте узел в сервисе по методике изготовителя.';
}
