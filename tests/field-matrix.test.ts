/**
 * Every field of every body and every query parameter, as the gateway's own document names them, with what it must not be. A refusal is a 4xx problem document
 * and changes nothing; what a text may be is the services' to say, but whatever it is, the answer is never 5xx.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { readFileSync } from 'node:fs';
import { expectProblem, kioskAt, prices, type Kiosk, type Session } from './kiosk.ts';

type Schema = {
  $ref?: string; type?: string; enum?: string[]; anyOf?: Schema[]; properties?: Record<string, Schema>; required?: string[]; additionalProperties?: unknown; items?: Schema;
  minimum?: number; maximum?: number; maxLength?: number;
};
type Operation = {
  parameters: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema; examples?: Record<string, { value: unknown }> }> };
};
type Document = { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } };
type Path = readonly (string | number)[];
type Change = { what: string; at: Path; value?: unknown; gone?: boolean };

// Read before there is a gateway to ask, because each operation is a test; contract.test.ts holds that it answers this.
const document = JSON.parse(readFileSync(new URL('../services/gateway/openapi.json', import.meta.url), 'utf8')) as Document;

const resolved = (schema: Schema): Schema => (schema.$ref === undefined ? schema : resolved(document.components.schemas[schema.$ref.split('/').at(-1)!]!));
const typesOf = (schema: Schema): string[] => {
  const { type, anyOf, properties, enum: words } = resolved(schema);
  if (anyOf) return anyOf.flatMap(typesOf);
  return [type ?? (properties ? 'object' : words ? 'string' : 'any')];
};

const ofType: Readonly<Record<string, unknown>> = { string: 'text', number: 1.5, integer: 7, boolean: true, array: [], object: {}, null: null };

/** One value of each type that the field does not take. A whole number is a number too. */
function wrongTypes(schema: Schema): [string, unknown][] {
  const types = typesOf(schema);
  if (types.includes('any')) return [];
  return Object.entries(ofType).filter(([type]) => !types.includes(type) && !(type === 'integer' && types.includes('number')));
}

/** All that must be refused about the value that stands at `at` in a right body. */
function refusedOf(schema: Schema, at: Path, example: unknown): Change[] {
  const { properties, required = [], additionalProperties, items, type, maximum, maxLength, anyOf, enum: words } = resolved(schema);
  const place = at.join('.') || 'the body';
  const changes: Change[] = wrongTypes(schema).map(([wrong, value]) => ({ what: `${place} is of the type ${wrong}`, at, value }));
  if (anyOf) return [...changes, ...anyOf.filter((each) => typesOf(each)[0] === 'object').flatMap((each) => refusedOf(each, at, example).filter(({ at: [...path] }) => path.length > at.length))];
  if (words) changes.push({ what: `${place} is another word`, at, value: `${words[0]} ` });
  if (type === 'string') changes.push({ what: `${place} is too long`, at, value: 'x'.repeat((maxLength ?? 9999) + 1) });
  if (type === 'number' || type === 'integer') changes.push({ what: `${place} is beyond all numbers`, at, value: -1e300 });
  if (type === 'integer') changes.push({ what: `${place} is too large`, at, value: (maximum ?? 2 ** 53 - 1) + 1 });
  if (type === 'array' && items) {
    changes.push({ what: `${place} has too many`, at, value: Array.from({ length: 1000 }, () => (example as unknown[])[0]) });
    changes.push(...refusedOf(items, [...at, 0], (example as unknown[])[0]));
  }
  if (properties) {
    for (const [name, member] of Object.entries(properties)) {
      if (required.includes(name)) changes.push({ what: `${[...at, name].join('.')} is missing`, at: [...at, name], gone: true });
      const value = (example as Record<string, unknown> | undefined)?.[name];
      if (value !== undefined || !['array', 'object'].includes(typesOf(member)[0]!)) changes.push(...refusedOf(member, [...at, name], value));
    }
    if (additionalProperties === false) for (const name of ['colour', 'constructor', '__proto__']) changes.push({ what: `${place} has a field ${name}`, at: [...at, name], value: { a: 1 } });
  }
  return changes;
}

/** Where a text stands in the body, or may stand. */
function textsOf(schema: Schema, at: Path, example: unknown): Path[] {
  const { properties = {}, items, anyOf, type, enum: words } = resolved(schema);
  if (anyOf) return anyOf.flatMap((each) => textsOf(each, at, example));
  if (type === 'string' && !words) return [at];
  if (items) return example === undefined ? [] : textsOf(items, [...at, 0], (example as unknown[])[0]);
  return Object.entries(properties).flatMap(([name, member]) => textsOf(member, [...at, name], (example as Record<string, unknown> | undefined)?.[name]));
}

/** The example with the change, as text: an object cannot be made to have a member __proto__ by assigning to it. */
function textWith(example: unknown, { at, value, gone }: Pick<Change, 'at' | 'value' | 'gone'>): string {
  const [name, ...rest] = at;
  if (name === undefined) return JSON.stringify(value);
  if (Array.isArray(example)) return `[${[textWith(example[0], { at: rest, value, gone }), ...example.slice(1).map((each) => JSON.stringify(each))].join(',')}]`;
  const members = Object.entries((example ?? {}) as Record<string, unknown>).filter(([each]) => each !== name).map(([each, member]) => [each, JSON.stringify(member)]);
  const before = Object.hasOwn((example ?? {}) as object, name) ? (example as Record<string, unknown>)[name] : undefined;
  if (!gone || rest.length > 0) members.push([String(name), textWith(before, { at: rest, value, gone })]);
  return `{${members.map(([each, member]) => `${JSON.stringify(each)}:${member}`).join(',')}}`;
}

const hostile: Readonly<Record<string, string>> = {
  'control characters': 'a\u0001\u001f\u007f', 'a line break': 'a\r\nb', 'a NUL': 'a\0b', 'text that runs the other way': '\u202eabc\u2066', 'a picture': '🚗🏴‍☠️👩‍👩‍👧‍👦', 'a name of the language': '__proto__',
  'a piling of accents': `a${'\u0301'.repeat(100)}`, 'markup': '<script>alert(1)</script>', 'a formula': '=cmd|\' /C calc\'!A0', 'SQL': '\'; DROP TABLE sessions; --', '10 000 characters': 'ж'.repeat(10_000),
};

let stack: Stack;
let kiosk: Kiosk;
let session: Session;
let ids: Record<string, string>;

beforeAll(async () => {
  stack = await startStack({ settings: { DEV_MANUAL_MODE: 'true' } });
  kiosk = kioskAt(stack.url);
  session = await kiosk.openSession({ type: 'diagnostics', contact: { email: 'a@example.com' } });
  const thickness = await kiosk.openSession({ type: 'thickness' });
  const intent = await kiosk.openIntent(session, prices.diagnostics);
  const report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-granta', { email: 'a@example.com' }));
  await kiosk.untilSent(report.reportId);
  ids = { sessions: session.id, payments: intent.intentId, reports: report.reportId, thickness: thickness.id };
}, 120_000);
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

const addressOf = (path: string) => path.replace('{sessionId}', ids['sessions']!).replace('{id}', ids[/^\/api\/(\w+)/.exec(path)![1]!]!);

/** All that the lists show, and what hangs on it. */
async function everything(): Promise<unknown> {
  const reports = [ids['sessions'], ids['thickness']].map((id) => `/api/reports/session/${id}`);
  return Promise.all(['/api/sessions?limit=200', '/api/payments?limit=200', ...reports].map((path) => kiosk.must(200, kiosk.get(path))));
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, operation })));
const withBody = operations.flatMap(({ operation: { requestBody }, ...rest }) => {
  const [[, content] = []] = Object.entries(requestBody?.content ?? {});
  const [example] = Object.values(content?.examples ?? {});
  return content && example ? [{ ...rest, schema: content.schema, example: example.value }] : [];
});
const withQuery = operations.map(({ operation, ...rest }) => ({ ...rest, parameters: operation.parameters.filter((parameter) => parameter.in === 'query') })).filter(({ parameters }) => parameters.length > 0);

/** The document's example with ids that are there. */
function exampleOf(path: string, example: unknown): unknown {
  return JSON.parse(JSON.stringify(example).replaceAll(/ses_\w+/g, path.endsWith('/thickness') ? ids['thickness']! : ids['sessions']!));
}

test('every operation that takes a body or a query is looked at', () => {
  // A notification or a callback is bytes to the gateway, whatever they are.
  const withFields = operations.filter(({ operation: { requestBody } }) => requestBody && Object.values(requestBody.content).some(({ schema }) => Object.keys(schema).length > 0));
  expect(withBody.map(({ name }) => name)).toEqual(withFields.map(({ name }) => name));
  expect(withBody.length).toBeGreaterThan(10);
  expect(withQuery.length).toBeGreaterThanOrEqual(2);
});

test.each(withBody.map((each) => [each.name, each] as const))('G2 %s: whatever is wrong with whichever field, it is refused and nothing changes', async (_name, { method, path, schema, example }) => {
  const body = exampleOf(path, example);
  const changes = refusedOf(schema, [], body);
  expect(changes.length).toBeGreaterThan(3);
  const before = await everything();
  for (const change of changes) {
    const answer = await kiosk.send(method, addressOf(path), { body: textWith(body, change) });
    // Not 404 or 409: those would be about something else than the field.
    expect({ what: change.what, status: answer.status }).toEqual({ what: change.what, status: 400 });
    expectProblem(answer, { status: answer.status });
  }
  expect(await everything()).toEqual(before);
}, 120_000);

test.each(withBody.map((each) => [each.name, each] as const))('G1 G2 %s: a hostile text in whichever field is refused or kept, and never an accident', async (_name, { method, path, schema, example }) => {
  const body = exampleOf(path, example);
  for (const at of textsOf(schema, [], body)) {
    for (const [what, value] of Object.entries(hostile)) {
      const answer = await kiosk.send(method, addressOf(path), { body: textWith(body, { at, value }) });
      expect({ at, what, status: answer.status, fine: answer.status < 500 }).toEqual({ at, what, status: answer.status, fine: true });
      if (answer.status >= 400) expectProblem(answer, { status: answer.status });
    }
  }
}, 120_000);

/** Screens put names of their own into this query, so that nothing on the way answers from a cache. */
const takesOtherNames = new Set(['GET /api/payments/status/{id}']);

test.each(withQuery.map((each) => [each.name, each] as const))('G2 %s: whatever is wrong with whichever parameter, it is refused', async (operation, { method, path, parameters }) => {
  const right = (schema: Schema) => encodeURIComponent(String(resolved(schema).enum?.[0] ?? resolved(schema).minimum ?? '2026-11-23T09:00:00Z'));
  for (const { name, schema } of parameters) {
    const { type, enum: words, maximum, minimum } = resolved(schema);
    const wrong = [
      `${name}=`, `${name}=${encodeURIComponent('a\0b')}`, `${name}=${'x'.repeat(5000)}`, `${name}=${right(schema)}&${name}=${right(schema)}`, `${name}=${encodeURIComponent('🚗\u202e')}`,
      ...(takesOtherNames.has(operation) ? [] : [`${name}[]=1`, `${name}[a]=1`]),
      ...(words ? [`${name}=${encodeURIComponent(`${words[0]} `)}`] : []),
      ...(type === 'integer' ? [`${name}=1.5`, `${name}=1e1`, `${name}=${(minimum ?? 0) - 1}`, `${name}=${(maximum ?? 2 ** 53) + 1}`] : []),
    ];
    for (const query of wrong) {
      const answer = await kiosk.send(method, `${addressOf(path)}?${query}`);
      expect({ query, status: answer.status }).toEqual({ query, status: 400 });
      expectProblem(answer, { status: 400 });
    }
  }
  for (const name of takesOtherNames.has(operation) ? [] : ['colour', '__proto__', 'constructor[prototype]']) expectProblem(await kiosk.send(method, `${addressOf(path)}?${name}=1`), { status: 400 });
});
