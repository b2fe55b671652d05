/** The table of routes and its schemas as an OpenAPI 3.1 document. */
import { z } from 'zod';
import { answerNames, problemAnswer } from './answers.ts';
import { answerExamples, bodyExamples, exampleSessionId } from './examples.ts';
import type { Answer, Route } from './route.ts';
import { faultsOf } from './route-faults.ts';
import { requestNames } from './schemas.ts';

export type Schema = { [keyword: string]: unknown };
export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required: boolean; description: string; schema: Schema };
type Content = Record<string, { schema: Schema; examples?: Record<string, { value: unknown }>; 'x-events'?: Record<string, Schema> }>;
export type Operation = {
  operationId: string; tags: string[]; summary: string; description: string; security: Record<string, string[]>[]; 'x-roles': readonly string[]; 'x-repeatable': boolean;
  parameters: Parameter[]; requestBody?: { required: boolean; content: Content };
  responses: Record<string, { description: string; headers?: Record<string, { description: string; schema: Schema }>; content?: Content }>;
};
export type Document = {
  openapi: string; info: object; servers: object[]; tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>; components: { securitySchemes: object; schemas: Record<string, Schema> };
};

/** The examples of report bodies: by the operation's name, by the sample's. */
export type Samples = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const tags = {
  Sessions: 'A customer\'s visit: it opens, carries the contact, and ends once.',
  Payments: 'Payment intents, their QR codes and refunds.',
  Reports: 'PDFs, and getting them to people.',
  Operation: 'Health, metrics and this document.',
};

export function openapiOf({ routes, samples, version }: { routes: readonly Route[]; samples: Samples; version: string }): Document {
  const paths: Document['paths'] = {};
  for (const route of routes) {
    // What this version does not serve is not described either.
    if (Object.keys(route.answers).length === 0) continue;
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method] = operationOf(route, samples);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Kiosk core services',
      version,
      description: 'The back end of self-service car-check kiosks. Times are RFC 3339 in UTC, money is whole minor units. Unknown fields are refused but in `metadata`. Errors are RFC 9457 problem documents.',
      contact: { name: 'The operator of the kiosks' },
    },
    servers: [{ url: '/', description: 'Where this document was read' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The API key of a kiosk or an operator' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key in another header' },
      },
      schemas: { ...componentsOf(requestNames, 'input'), ...componentsOf(answerNames, 'output') },
    },
  };
}

function operationOf(route: Route, samples: Samples): Operation {
  const { name, path, summary, roles, answers } = route;
  const tag = { sessions: 'Sessions', payments: 'Payments', reports: 'Reports', deliveries: 'Reports', r: 'Reports', check: 'Reports' }[/^\/(?:api\/)?(\w+)/.exec(path)?.[1] ?? ''] ?? 'Operation';
  return {
    operationId: name,
    tags: [tag],
    summary: /^.*?[.:;](?= |$)/.exec(summary)?.[0].slice(0, -1) ?? summary,
    description: summary,
    security: securityOf(roles),
    'x-roles': roles,
    // RFC 9110, 9.2.2, and what this API promises of its own POSTs: with a key where it takes one.
    'x-repeatable': route.method !== 'post' || Boolean(route.idempotent || route.repeatable),
    parameters: parametersOf(route),
    ...(route.rawBody ? { requestBody: { required: true, content: { [route.rawBody]: { schema: {} } } } } : {}),
    ...(route.body ? { requestBody: { required: !route.body.safeParse(undefined).success, content: bodyContentOf(route, samples) } } : {}),
    responses: { ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])), ...problemsOf(route) },
  };
}

function securityOf(roles: readonly string[]): Operation['security'] {
  if (roles.includes('public')) return [];
  return [...(roles.includes('local') ? [{}] : []), { bearer: [] }, { apiKey: [] }];
}

function parametersOf({ path, ref, query, idempotent, answers }: Route): Parameter[] {
  const parameters: Parameter[] = [];
  const [, param] = /:(\w+)/.exec(path) ?? [];
  if (param) {
    const pattern = ref ? { pattern: `^${ref.prefix}_\\w{1,60}$` } : {};
    parameters.push({ name: param, in: 'path', required: true, description: ref ? 'The id' : 'As the link has it', schema: { type: 'string', ...pattern } });
  }
  if (query) {
    const { properties = {}, required = [] } = jsonSchemaOf(query, 'input') as { properties?: Record<string, Schema>; required?: string[] };
    for (const [name, { description = `Only those with this ${name}`, ...schema }] of Object.entries(properties)) {
      parameters.push({ name, in: 'query', required: required.includes(name), description: String(description), schema });
    }
  }
  if (Object.values(answers).some(({ events }) => events)) {
    parameters.push({
      name: 'Last-Event-ID', in: 'header', required: false, description: 'The id of the last event that was heard: what has not changed since is not told again',
      schema: { type: 'string', maxLength: 100 },
    });
  }
  if (idempotent) {
    parameters.push({
      name: 'Idempotency-Key', in: 'header', required: false, description: 'The same key and body again: the same answer, and nothing is done twice',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' },
    });
  }
  return parameters;
}

function bodyContentOf({ name, method, body }: Route, samples: Samples): Content {
  const sample = samples[name] ?? (name in bodyExamples ? { example: bodyExamples[name] } : {});
  const examples = Object.fromEntries(Object.entries(sample).map(([title, value]) => [title, { value: withSession(value) }]));
  const content = { schema: schemaOf(body!, requestNames, 'input'), examples };
  return method === 'patch' ? { 'application/merge-patch+json': content, 'application/json': content } : { 'application/json': content };
}

/** A sample leaves the session's id open. */
function withSession(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('<session id>', exampleSessionId));
}

function answerOf({ description, schema, type = 'application/json', events }: Answer): Operation['responses'][string] {
  if (events) {
    // OpenAPI has no word for the data of events.
    const data = Object.fromEntries(Object.entries(events).map(([event, of]) => [event, schemaOf(of, answerNames, 'output')]));
    return { description, content: { [type]: { schema: { type: 'string' }, 'x-events': data } } };
  }
  if (schema) {
    const example = answerExamples[answerNames.get(schema)?.id ?? ''];
    return { description, content: { [type]: { schema: schemaOf(schema, answerNames, 'output'), ...(example === undefined ? {} : { examples: { example: { value: example } } }) } } };
  }
  if (type === 'application/json') return { description, ...(description.startsWith('OpenAPI') ? { content: { [type]: { schema: { type: 'object' } } } } : {}) };
  return { description, content: { [type]: { schema: { type: 'string', ...(type.startsWith('text/') ? {} : { contentMediaType: type }) } } } };
}

function problemsOf(route: Route): Operation['responses'] {
  return Object.fromEntries(faultsOf(route).map(([status, reasons]) => [status, {
    description: reasons.map((reason) => `\`${reason}\``).join(', '),
    ...headersOf(status),
    content: { 'application/problem+json': { schema: schemaOf(problemAnswer, answerNames, 'output') } },
  }]));
}

function headersOf(status: number): { headers?: Record<string, { description: string; schema: Schema }> } {
  if (status === 401) return { headers: { 'WWW-Authenticate': { description: 'RFC 6750', schema: { type: 'string' } } } };
  if (status === 429 || status === 503 || status === 504) return { headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 1 } } } };
  return {};
}

function schemaOf(schema: z.ZodType, names: typeof answerNames, io: 'input' | 'output'): Schema {
  const id = names.get(schema)?.id;
  return id === undefined ? jsonSchemaOf(schema, io) : { $ref: refTo(id) };
}

function refTo(id: string): string {
  return `#/components/schemas/${id}`;
}

function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: io === 'input' ? simpler : open });
  return rest;
}

function componentsOf(names: typeof answerNames, io: 'input' | 'output'): Record<string, Schema> {
  const { schemas } = z.toJSONSchema(names, { io, uri: refTo, unrepresentable: 'any', override: io === 'input' ? simpler : open });
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema: _dialect, $id: _address, ...rest }]) => [id, rest]));
}

/** Leaves out what says nothing to a reader: the pattern beside a format, the limits of JSON's whole numbers, that names are texts. */
function simpler({ jsonSchema }: { jsonSchema: Schema }): void {
  delete jsonSchema['propertyNames'];
  if (jsonSchema['format'] === 'date-time') delete jsonSchema['pattern'];
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
}

/** A client must bear fields that a later version adds to an answer. */
function open({ jsonSchema }: { jsonSchema: Schema }): void {
  simpler({ jsonSchema });
  if (jsonSchema['additionalProperties'] === false) delete jsonSchema['additionalProperties'];
}
