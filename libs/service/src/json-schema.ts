/** The settings as a JSON Schema, so that an editor knows every name, what it may be and what it is for while somebody writes the settings file. */
import { z } from 'zod';
import type { SettingsDeclaration } from './settings.ts';

/** Of a settings file: every declared name, and no other. */
export function jsonSchemaOf(declaration: SettingsDeclaration) {
  const properties = Object.fromEntries(Object.entries(declaration).map(([name, { schema, default: fallback, secret, doc }]) => [name, {
    description: doc,
    ...inFile(schema),
    ...(fallback === undefined || secret ? {} : { default: fallback }),
    ...(secret ? { writeOnly: true } : {}),
  }]));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...properties },
    additionalProperties: false,
  };
}

/** What schemas.ts says of the kind of value; of a JSON value, what its own schema says. */
function inFile(schema: z.core.$ZodType): object {
  if (schema instanceof z.ZodOptional) return inFile(schema.unwrap());
  const own = z.globalRegistry.get(schema);
  if (!(schema instanceof z.ZodPipe)) return own ?? {};
  if (schema.out instanceof z.ZodTransform) return own ?? inFile(schema.in);
  const { $schema: _, ...shape } = z.toJSONSchema(schema.out, { io: 'input' });
  return shape;
}
