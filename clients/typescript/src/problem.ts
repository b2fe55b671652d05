import type { Problem } from './api.ts';

/** The service refused. `problem` says why; `reason` is for programs. */
export class ProblemError extends Error {
  readonly problem: Problem;
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs: number | undefined) {
    super(`${problem.status} ${problem.reason}: ${problem.detail}`);
    this.name = 'ProblemError';
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

export async function errorOf(response: Response): Promise<ProblemError> {
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  const said = isProblem ? await response.json() as Problem : undefined;
  // A proxy in between has pages of its own.
  const { status, statusText } = response;
  return new ProblemError(said ?? { type: 'about:blank', title: statusText, status, detail: 'No problem document.', reason: 'unknown', requestId: '' }, retryAfterMs);
}

/**
 * How long to wait before asking again; undefined where that is of no use. A 502 or 504 says nothing about the outcome: who did not answer in time is asked
 * ever more seldom, and not before it wants to be.
 */
export function pauseAfter({ problem: { status }, retryAfterMs }: ProblemError, usualMs: number): number | undefined {
  return status === 502 || status === 504 ? Math.max(retryAfterMs ?? 0, usualMs) : retryAfterMs;
}
