import { expect, test } from '@jest/globals';
import { Shares } from './shares.ts';

test('each may have its share, all together no more than there is, and what is given back may be taken again', () => {
  const shares = new Shares({ most: 5, mostEach: 3 });
  shares.take('a', 2);
  expect([shares.obstacle('a'), shares.obstacle('a', 2), shares.obstacle('b', 3)]).toEqual([undefined, 'share', undefined]);
  shares.take('b', 3);
  expect([shares.obstacle('b'), shares.obstacle('c')]).toEqual(['all', 'all']);
  shares.giveBack('a');
  expect([shares.obstacle('a'), shares.obstacle('b'), shares.obstacle('c', 2)]).toEqual([undefined, 'share', 'all']);
  shares.giveBack('a');
  shares.giveBack('b', 3);
  expect([shares.obstacle('a', 3), shares.obstacle('b', 3)]).toEqual([undefined, undefined]);
});
