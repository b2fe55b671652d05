/** The connections that libs/database opens, which it shows nobody: its reader is the one that may only read, its writer the other. */
import Sqlite from 'better-sqlite3';

let writer: Sqlite.Database | undefined;
let reader: Sqlite.Database | undefined;

const { pragma } = Sqlite.prototype;
Sqlite.prototype.pragma = function noting(source: string, options?: Sqlite.PragmaOptions): unknown {
  note(this, source);
  return pragma.call(this, source, options);
};

function note(connection: Sqlite.Database, source: string): void {
  if (source === 'query_only = ON') reader = connection;
  else writer ??= connection;
}

/** Prepared at its first use: the connections are opened after the statements are written. */
export function prepared(on: 'writer' | 'reader', sql: string): () => Sqlite.Statement {
  let statement: Sqlite.Statement | undefined;
  return () => (statement ??= (on === 'writer' ? writer : reader)!.prepare(sql));
}
