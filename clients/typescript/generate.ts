/** Writes src/api.ts, the types and addresses of every operation, from the gateway's openapi.json. With --check it only compares. */
import { readFileSync, writeFileSync } from 'node:fs';

type Schema = {
  $ref?: string; type?: string; enum?: string[]; const?: unknown; anyOf?: Schema[]; items?: Schema; description?: string;
  properties?: Record<string, Schema>; required?: string[]; additionalProperties?: Schema | false;
};
type Content = Record<string, { schema: Schema; 'x-events'?: Record<string, Schema> }>;
type Operation = {
  operationId: string; description: string; 'x-roles': string[]; 'x-repeatable': boolean; parameters: { name: string; in: string; required: boolean; description: string; schema: Schema }[];
  requestBody?: { required: boolean; content: Content }; responses: Record<string, { content?: Content }>;
};
type Document = { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } };

const file = new URL('src/api.ts', import.meta.url);

/** What the file should hold. */
export function apiText(document: Document): string {
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => `export type ${name} = ${typeOf(schema, '')};\n`);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods)
    // Probes, metrics and the PSP's notifications are not for clients; what everybody may read under /api is.
    .filter(([method, operation]) => operation['x-roles'].every((role) => role === 'kiosk' || role === 'operator' || (role === 'public' && method === 'get' && path.startsWith('/api/'))))
    .map(([method, operation]) => ({ path, method, operation })));
  // A stream has a function of its own in the client.
  const streams = operations.filter(({ operation }) => eventsOf(operation));
  const calls = operations.filter(({ operation }) => !eventsOf(operation));
  const events = streams.map(({ path, operation }) => `/** ${operation.description} For: ${operation['x-roles'].join(', ')}. */\n`
    + `export interface ${capital(operation.operationId)}Events {\n${Object.entries(eventsOf(operation)!).map(([event, schema]) => `  ${event}: ${typeOf(schema, '  ')};\n`).join('')}}\n\n`
    + `export const ${operation.operationId}Path = '${placed(path)}';\n\n`);
  const types = calls.map(({ operation }) => `  /** ${operation.description} For: ${operation['x-roles'].join(', ')}. */\n`
    + `  ${operation.operationId}: { input: ${inputOf(operation)}; answer: ${answerOf(operation).type} };\n`);
  const table = calls.map(({ path, method, operation }) => `  ${operation.operationId}: { method: '${method.toUpperCase()}', path: '${placed(path)}', `
    + `answer: '${answerOf(operation).kind}', keyed: ${isKeyed(operation)}, repeatable: ${operation['x-repeatable']} },\n`);
  return `// Written by generate.ts from openapi.json: change that, not this.\n\n${schemas.join('\n')}\n`
    + `${events.join('')}export interface Operations {\n${types.join('')}}\n\n`
    + `/** \`keyed\`: it takes an Idempotency-Key. \`repeatable\`: asked twice, with its key if it takes one, it does nothing twice. */\nexport const operations = {\n${table.join('')}} as const;\n`;
}

/** What the data of each event is; undefined for an answer that is no stream. */
function eventsOf({ responses }: Operation): Record<string, Schema> | undefined {
  return responses['200']?.content?.['text/event-stream']?.['x-events'];
}

function placed(path: string): string {
  return path.replaceAll(/\{\w+\}/g, '{id}');
}

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

function isKeyed({ parameters }: Operation): boolean {
  return parameters.some(({ name }) => name === 'Idempotency-Key');
}

function inputOf(operation: Operation): string {
  const { parameters, requestBody } = operation;
  const query = parameters.filter((parameter) => parameter.in === 'query');
  const members = [
    ...(parameters.some((parameter) => parameter.in === 'path') ? ['id: string'] : []),
    ...(query.length > 0 ? [`query?: { ${query.map(({ name, schema }) => `${name}?: ${typeOf(schema, '  ')}`).join('; ')} }`] : []),
    ...(requestBody ? [`body${requestBody.required ? '' : '?'}: ${typeOf(Object.values(requestBody.content)[0]!.schema, '  ')}`] : []),
    ...(isKeyed(operation) ? ['idempotencyKey?: string'] : []),
  ];
  return members.length === 0 ? 'object' : `{ ${members.join('; ')} }`;
}

function answerOf({ responses }: Operation): { type: string; kind: 'json' | 'text' | 'bytes' | 'nothing' } {
  if ('204' in responses) return { type: 'undefined', kind: 'nothing' };
  const [type, content] = Object.entries(Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1].content ?? {})[0] ?? ['', undefined];
  if (type === 'application/json' && content) return { type: typeOf(content.schema, '  '), kind: 'json' };
  return type === 'image/svg+xml' || type.startsWith('text/') ? { type: 'string', kind: 'text' } : { type: 'Uint8Array', kind: 'bytes' };
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, type, enum: words, const: constant, anyOf, items, properties, additionalProperties } = schema;
  if ($ref) return $ref.split('/').at(-1)!;
  if (constant !== undefined) return literal(constant);
  if (words) return words.map(literal).join(' | ');
  if (anyOf) return anyOf.map((each) => typeOf(each, indent)).join(' | ');
  if (type === 'array') return `Array<${typeOf(items ?? {}, indent)}>`;
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string' || type === 'boolean' || type === 'null') return type;
  if (type !== 'object') return 'unknown';
  if (properties) return objectOf(schema, indent);
  return additionalProperties === false ? 'Record<string, never>' : `Record<string, ${typeOf(additionalProperties || {}, indent)}>`;
}

function objectOf({ properties = {}, required = [] }: Schema, indent: string): string {
  const members = Object.entries(properties).map(([name, schema]) => `${schema.description ? `${indent}  /** ${schema.description} */\n` : ''}`
    + `${indent}  ${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema, `${indent}  `)};\n`);
  return members.length === 0 ? 'Record<string, never>' : `{\n${members.join('')}${indent}}`;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

if (import.meta.main) {
  const document = JSON.parse(readFileSync(new URL('../../services/gateway/openapi.json', import.meta.url), 'utf8')) as Document;
  const text = apiText(document);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error('clients/typescript/src/api.ts must be written anew: run clients/typescript/generate.ts');
    process.exitCode = 1;
  }
}
