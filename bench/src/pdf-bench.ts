/** Measures reports: the worker pool of reporting against plain PDFKit, in turns. */
import type { PdfResult, PdfSlice } from './pdf/program.ts';
import { start, type Running } from './processes.ts';
import { median } from './statistics.ts';

export type PdfRow = {
  subject: string;
  /** Medians over the rounds. */
  reportsPerSecond: number;
  cpuMs: number;
  longestStallMs: number;
  /** The pool ÷ this subject in the same round, then the median of that. */
  poolRatio: { reportsPerSecond: number; cpu: number };
  rounds: PdfResult[];
};

const programs = [
  { subject: 'worker pool', file: new URL('./pdf/pool.ts', import.meta.url) },
  { subject: 'plain PDFKit', file: new URL('./peers/plain-pdf.ts', import.meta.url) },
];

/** Fails when the subjects do not render the same pages. */
export async function measurePdf({ rounds, progress, ...slice }: PdfSlice & { rounds: number; progress: (text: string) => void }): Promise<PdfRow[]> {
  await using stack = new AsyncDisposableStack();
  const subjects: { subject: string; program: Running; rounds: PdfResult[] }[] = [];
  for (const { subject, file } of programs) {
    subjects.push({ subject, program: stack.use(await start({ file })), rounds: [] });
  }
  for (let round = 0; round < rounds; round += 1) {
    progress(`round ${round + 1} of ${rounds}: reports`);
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      subject.rounds.push(await subject.program.ask(slice) as PdfResult);
    }
  }
  const pages = subjects.map((subject) => String(subject.rounds.at(-1)?.pages));
  if (new Set(pages).size > 1) throw new Error(`the subjects differ in their pages: ${pages.join(' and ')}`);
  const ours = subjects[0]!.rounds;
  return subjects.map(({ subject, rounds: theirs }) => {
    const of = (pick: (result: PdfResult) => number): number => median(ours.map((result, round) => pick(result) / pick(theirs[round]!)));
    return {
      subject,
      reportsPerSecond: median(theirs.map((result) => result.reportsPerSecond)),
      cpuMs: median(theirs.map((result) => result.cpuMs)),
      longestStallMs: median(theirs.map((result) => result.longestStallMs)),
      poolRatio: { reportsPerSecond: of((result) => result.reportsPerSecond), cpu: of((result) => result.cpuMs) },
      rounds: theirs,
    };
  });
}
