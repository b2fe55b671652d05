/** Lists with filters and a cursor (https://yookassa.ru/developers/api#get_payments_list): newest first, 10 at a time unless asked otherwise. */
import { invalid } from './refusal.ts';

type Listed = Readonly<{ status: string; created_at: string; captured_at?: string; payment_id?: string }>;
type Entry<T> = Readonly<{ sequence: number; object: T }>;
type Page<T> = Readonly<{ type: 'list'; items: T[]; next_cursor?: string }>;

const TIME_FILTER = /^(created_at|captured_at)\.(gte|gt|lte|lt)$/;
const COMPARE = {
  gte: (left: number, right: number) => left >= right,
  gt: (left: number, right: number) => left > right,
  lte: (left: number, right: number) => left <= right,
  lt: (left: number, right: number) => left < right,
} as const;

/** Fails with HTTP 400 for a parameter it does not know: stricter than the real list, which would quietly answer everything. */
export function list<T extends Listed>(options: { entries: Iterable<Entry<T>>; query: URLSearchParams; statuses: readonly string[] }): Page<T> {
  let limit = 10;
  let after: Position | undefined;
  const filters: ((object: T) => boolean)[] = [];
  for (const [name, value] of options.query) {
    if (name === 'limit') limit = limitOf(value);
    else if (name === 'cursor') after = positionOf(value);
    else if (name === 'status') filters.push(statusFilter(value, options.statuses));
    else if (name === 'payment_id') filters.push((object) => object.payment_id === value);
    else if (TIME_FILTER.test(name)) filters.push(timeFilter(name, value));
    else throw invalid('Unknown parameter', name);
  }
  const matching = [...options.entries]
    .filter((entry) => filters.every((filter) => filter(entry.object)))
    .toSorted(newestFirst)
    .filter((entry) => after === undefined || newestFirst(after, entry) < 0);
  const page = matching.slice(0, limit);
  const last = page.at(-1);
  return {
    type: 'list',
    items: page.map((entry) => entry.object),
    ...(last !== undefined && matching.length > limit ? { next_cursor: cursorOf(last) } : {}),
  };
}

type Position = Readonly<{ sequence: number; object: Readonly<{ created_at: string }> }>;

function newestFirst(one: Position, other: Position): number {
  return Date.parse(other.object.created_at) - Date.parse(one.object.created_at) || other.sequence - one.sequence;
}

function cursorOf(position: Position): string {
  return Buffer.from(`${position.sequence} ${position.object.created_at}`).toString('base64url');
}

function positionOf(cursor: string): Position {
  const [sequence = '', createdAt = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (!/^\d+$/.test(sequence) || Number.isNaN(Date.parse(createdAt))) throw invalid('Unknown cursor', 'cursor');
  return { sequence: Number(sequence), object: { created_at: createdAt } };
}

function limitOf(value: string): number {
  const limit = /^\d{1,3}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > 100) throw invalid('limit is 1 to 100', 'limit');
  return limit;
}

function statusFilter(value: string, statuses: readonly string[]): (object: Listed) => boolean {
  if (!statuses.includes(value)) throw invalid(`status is one of ${statuses.join(', ')}`, 'status');
  return (object) => object.status === value;
}

function timeFilter(name: string, value: string): (object: Listed) => boolean {
  const [field, comparison] = name.split('.') as ['created_at' | 'captured_at', keyof typeof COMPARE];
  const limitMs = Date.parse(value);
  if (!/^\d{4}-\d{2}-\d{2}T/.test(value) || Number.isNaN(limitMs)) throw invalid('must be a time like 2026-11-20T00:00:00.000Z', name);
  return (object) => {
    const time = object[field];
    return time !== undefined && COMPARE[comparison](Date.parse(time), limitMs);
  };
}
