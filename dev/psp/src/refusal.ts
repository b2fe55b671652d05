import { randomUUID } from 'node:crypto';

export type RefusalCode =
  | 'invalid_request' | 'invalid_credentials' | 'forbidden' | 'not_found' | 'too_many_requests' | 'internal_server_error';

const STATUS: Readonly<Record<RefusalCode, number>> = {
  invalid_request: 400,
  invalid_credentials: 401,
  forbidden: 403,
  not_found: 404,
  too_many_requests: 429,
  internal_server_error: 500,
};

/**
 * A definite "no" in YooKassa's words; it becomes the error object of its API.
 * `parameter` names the field or header at fault. Nothing was changed by the request that met it.
 */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly parameter: string | undefined;

  constructor(options: { code: RefusalCode; description: string; parameter?: string }) {
    super(options.description);
    this.code = options.code;
    this.parameter = options.parameter;
  }

  get status(): number {
    return STATUS[this.code];
  }

  get body(): Readonly<Record<string, string>> {
    const { code, parameter } = this;
    return { type: 'error', id: randomUUID(), code, description: this.message, ...(parameter === undefined ? {} : { parameter }) };
  }
}

/** The most frequent one: HTTP 400 `invalid_request`. */
export function invalid(description: string, parameter?: string): Refusal {
  return new Refusal({ code: 'invalid_request', description, parameter });
}
