import { expect, test } from '@jest/globals';
import { News, type NewsEvent, type Thing } from './news.ts';

const thing = (key: string, data: unknown, event = 'payment'): Thing => ({ event, key, data });
const told = (events: Iterable<{ event: string; data: unknown }>) => [...events].map(({ event, data }) => `${event} ${String(data)}`);

test('a reader hears of everything first, and then of what has changed', () => {
  const news = new News(undefined);
  expect(told(news.of('sessions', [thing('s', 1, 'session')]))).toEqual(['session 1']);
  expect(told(news.of('payments', [thing('a', 1), thing('b', 1)]))).toEqual(['payment 1', 'payment 1']);
  expect(told(news.of('payments', [thing('a', 1), thing('b', 2), thing('c', 3)]))).toEqual(['payment 2', 'payment 3']);
  expect(told(news.of('payments', [thing('a', 1), thing('b', 2), thing('c', 3)]))).toEqual([]);
});

test('a reader that comes back hears only of the parts that look otherwise now', () => {
  const before = new News(undefined);
  told(before.of('sessions', [thing('s', 1, 'session')]));
  const { id } = [...before.of('payments', [thing('a', 1), thing('b', 1)])].at(-1)!;
  const again = new News(id);
  expect(told(again.of('sessions', [thing('s', 1, 'session')]))).toEqual([]);
  expect(told(again.of('payments', [thing('a', 1), thing('b', 2)]))).toEqual(['payment 1', 'payment 2']);
  expect(told(again.of('reporting', [thing('r', 1, 'report')]))).toEqual(['report 1']);
  // From then on it is known what was told.
  expect(told(again.of('sessions', [thing('s', 2, 'session')]))).toEqual(['session 2']);
  expect(told(again.of('payments', [thing('a', 1), thing('b', 3)]))).toEqual(['payment 3']);
});

test('a reader that is cut off in the middle of a state hears all of it again', () => {
  const [first, last] = new News(undefined).of('payments', [thing('a', 1), thing('b', 1)]);
  expect(told(new News(first!.id).of('payments', [thing('a', 1), thing('b', 1)]))).toHaveLength(2);
  expect(told(new News(last!.id).of('payments', [thing('a', 1), thing('b', 1)]))).toHaveLength(0);
});

test('what happens elsewhere in the middle of a state does not say that all of it was heard', () => {
  const before = new News(undefined);
  const payments = before.of('payments', [thing('a', 'superseded'), thing('b', 'confirmed')]);
  expect(told([payments.next().value as NewsEvent])).toEqual(['payment superseded']);
  const [{ id }] = [...before.of('sessions', [thing('s', 1, 'session')])] as [NewsEvent];
  expect(told(new News(id).of('payments', [thing('a', 'superseded'), thing('b', 'confirmed')]))).toEqual(['payment superseded', 'payment confirmed']);
});

test('an empty part is known as well', () => {
  const news = new News(undefined);
  expect(told(news.of('payments', []))).toEqual([]);
  const [{ id }] = [...news.of('sessions', [thing('s', 1, 'session')])] as [NewsEvent];
  expect(told(new News(id).of('payments', [thing('a', 1)]))).toEqual(['payment 1']);
});

test('what is not digested makes no news', () => {
  const news = new News(undefined);
  expect(told(news.of('reporting', [{ ...thing('r', 1, 'report'), digested: 'same' }]))).toEqual(['report 1']);
  expect(told(news.of('reporting', [{ ...thing('r', 2, 'report'), digested: 'same' }]))).toEqual([]);
});

test.each(['', '7', 'a.b.c', '-.-', '-.-.-.-', `${'x'.repeat(12)}.-.\n`, 'x'.repeat(10_000)])('an id that is none of ours (%j) tells nothing', (id) => {
  expect(told(new News(id).of('payments', [thing('a', 1)]))).toEqual(['payment 1']);
});
