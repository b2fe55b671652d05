/** Nouns the declension rules would get wrong: plurals, fleeting vowels, words that never change. */
import type { Gender } from './decline.ts';

type Irregular = { gender: Gender; gen: string; ins: string };

const plural = (gen: string, ins: string): Irregular => ({ gender: 'pl', gen, ins });
const masculine = (gen: string, ins: string): Irregular => ({ gender: 'm', gen, ins });
const unchanging = (word: string, gender: Gender): Irregular => ({ gender, gen: word, ins: word });

export const irregularNouns: Readonly<Record<string, Irregular>> = {
  'газы': plural('газов', 'газами'),
  'пары': plural('паров', 'парами'),
  'данные': plural('данных', 'данными'),
  'фазы': plural('фаз', 'фазами'),
  'обороты': plural('оборотов', 'оборотами'),
  'клапаны': plural('клапанов', 'клапанами'),
  'датчики': plural('датчиков', 'датчиками'),
  'сигналы': plural('сигналов', 'сигналами'),
  'показания': plural('показаний', 'показаниями'),
  'тормоза': plural('тормозов', 'тормозами'),
  'уровень': masculine('уровня', 'уровнем'),
  'ремень': masculine('ремня', 'ремнём'),
  'замок': masculine('замка', 'замком'),
  'лючок': masculine('лючка', 'лючком'),
  'щиток': masculine('щитка', 'щитком'),
  'стартер-генератор': masculine('стартера-генератора', 'стартером-генератором'),
  'датчик-выключатель': masculine('датчика-выключателя', 'датчиком-выключателем'),
  'узел': masculine('узла', 'узлом'),
  'угол': masculine('угла', 'углом'),
  'бачок': masculine('бачка', 'бачком'),
  'ключ': masculine('ключа', 'ключом'),
  'фонарь': masculine('фонаря', 'фонарём'),
  'время': { gender: 'n', gen: 'времени', ins: 'временем' },
  'драйверы': plural('драйверов', 'драйверами'),
  'оксиды': plural('оксидов', 'оксидами'),
  'часы': plural('часов', 'часами'),
  'АБС': unchanging('АБС', 'f'),
  'реле': unchanging('реле', 'n'),
};

/** Masculine nouns in -ь besides those in -тель, which the rule knows. */
export const softMasculineNouns: ReadonlySet<string> = new Set(['модуль', 'кабель', 'контроль', 'круиз-контроль']);
