/**
 * Everything this service does outside its own memory is a commit, a rendering, a file or a message. Each goes through `around`, so that a test can kill
 * the process before or after any one of them; in a running service `around` only runs it.
 */
import type { Files } from './files.ts';
import type { Pdf } from './rendering.ts';
import type { Rows } from './tables.ts';

export type Around = <T>(step: string, run: () => Promise<T>) => Promise<T>;

export function stepwiseRows(rows: Rows, around: Around): Rows {
  return { read: rows.read, transaction: (work) => around('commit', () => rows.transaction(work)) };
}

export function stepwisePdf(pdf: Pdf, around: Around): Pdf {
  return { render: (document, options) => around('render', () => pdf.render(document, options)) };
}

export function stepwiseFiles(files: Files, around: Around): Files {
  return { write: (report, bytes) => around('write', () => files.write(report, bytes)), read: (report) => files.read(report), remove: (report) => files.remove(report) };
}

/** For both seams, `Email` and `Sms`. */
export function stepwiseSender<Message, Options, Sent>(
  sender: { send(message: Message, options: Options): Promise<Sent> }, around: Around,
): { send(message: Message, options: Options): Promise<Sent> } {
  return { send: (message, options) => around('send', () => sender.send(message, options)) };
}
