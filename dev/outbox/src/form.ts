/** A form's fields, in any charset: SMSC's default is windows-1251, and express decodes UTF-8 only. */
import type { Request } from 'express';

export type Fields = ReadonlyMap<string, string>;

/** Those of the address and of the body; the first of a name counts. */
export function fieldsOf(request: Request, charsetOf: (fields: Fields) => string = () => 'utf-8'): Fields {
  const query = new URL(request.originalUrl, 'http://outbox').search.slice(1);
  const isForm = typeof request.is('application/x-www-form-urlencoded') === 'string';
  const body = isForm && Buffer.isBuffer(request.body) ? request.body.toString('latin1') : '';
  const bytes = new Map(`${query}&${body}`.split('&').filter((pair) => pair !== '').toReversed().map((pair): [string, string] => {
    const [name = '', ...value] = pair.split('=');
    return [unescaped(name), unescaped(value.join('='))];
  }));
  const decoder = new TextDecoder(charsetOf(bytes));
  return new Map([...bytes].map(([name, value]) => [name, decoder.decode(Buffer.from(value, 'latin1'))]));
}

/** One character per byte. */
function unescaped(text: string): string {
  return text.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
