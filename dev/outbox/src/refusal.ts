import { z } from 'zod';

/** What the outbox's own hands (not the pretended services) refuse, with the HTTP status that /control answers. */
export class Refusal extends Error {
  readonly status: number;

  constructor({ status, message }: { status: number; message: string }) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** Fails with a `Refusal` (400) that names the field. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new Refusal({ status: 400, message: z.prettifyError(result.error) });
  return result.data;
}
