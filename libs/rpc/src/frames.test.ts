import { expect, test } from '@jest/globals';
import { FrameError, decodeFrames, encodeFrame } from './frames.ts';

test('frames come out as they went in, however many are in a message', () => {
  const payload = Buffer.from([0, 255, 10, 13]);
  const message = Buffer.concat([encodeFrame({ cancel: 5 }), encodeFrame({ answer: 2 ** 40 }, payload), encodeFrame({ failure: 1, code: 5, details: 'Нет «такой» \u{1F697}', trailers: {} })]);
  expect(decodeFrames(message)).toEqual([
    { header: { cancel: 5 }, payload: Buffer.alloc(0) },
    { header: { answer: 2 ** 40 }, payload },
    { header: { failure: 1, code: 5, details: 'Нет «такой» \u{1F697}', trailers: {} }, payload: Buffer.alloc(0) },
  ]);
  expect(decodeFrames(Buffer.alloc(0))).toEqual([]);
});

test('G2 a message cut anywhere, or with any byte changed, is refused or read, never more', () => {
  const message = Buffer.concat([encodeFrame({ cancel: 5 }), encodeFrame({ answer: 7 }, Buffer.from('payload'))]);
  const boundary = encodeFrame({ cancel: 5 }).length;
  for (let length = 1; length < message.length; length++) {
    if (length === boundary) continue;
    expect(() => decodeFrames(message.subarray(0, length))).toThrow(FrameError);
  }
  for (let at = 0; at < message.length; at++) {
    for (const byte of [0, 1, 0x7b, 0x80, 0xff]) {
      const changed = Buffer.from(message);
      changed[at] = byte;
      try {
        decodeFrames(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }
  }
});
