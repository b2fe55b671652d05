import { describe, expect, test } from '@jest/globals';
import { vinCheckDigit, vinKind, vinRemark } from './vin.ts';

describe('vehicle numbers', () => {
  test.each([
    ['XTA219170K0321654', 'vin'],
    ['1HGCM82633A004352', 'vin'],
    ['ZVW30-1234567', 'frame'],
    ['NZE121-3012345', 'frame'],
    ['JZX1000012345', 'frame'],
    ['XTA219170K032165', 'frame'],
    ['XTA2I9170K0321654', undefined],
    ['XTA219170O0321654', undefined],
    ['AB-1', undefined],
    ['-ZVW30-12345', undefined],
    ['ZVW30--12345', undefined],
    ['ABCDEFGH', undefined],
    ['', undefined],
  ])('%s is %s', (text, kind) => expect(vinKind(text)).toBe(kind));

  test.each([
    ['1HGCM82633A004352', '3'],
    ['1M8GDM9AXKP042788', 'X'],
    ['11111111111111111', '1'],
  ])('the check digit of %s is %s', (vin, digit) => expect(vinCheckDigit(vin)).toBe(digit));

  test('a wrong check digit is a remark, which asks for a second look on a North American car only', () => {
    expect(vinRemark('1HGCM82633A004352')).toContain('контрольный знак совпадает');
    expect(vinRemark('1HGCM82643A004352')).toContain('сверьте номер');
    expect(vinRemark('XTA219170K0321654')).toContain('обязателен только в Северной Америке');
    expect(vinRemark('ZVW30-1234567')).toContain('японского рынка');
  });
});
