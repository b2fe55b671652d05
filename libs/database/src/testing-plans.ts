/** For the tests of stores: their own queries, as they are sent, explained by the database. */
import { sql, type CompiledQuery, type Kysely, type KyselyPlugin } from 'kysely';
import type { Database } from './database.ts';

export type Planner<Tables> = {
  /** To give to a store: it notes each query on its way. */
  rows: Pick<Database<Tables>, 'read' | 'transaction'>;
  /** The plan of every query that `run` sends, one line for each step. Fails where it sends none. */
  plansOf: (run: () => Promise<unknown>) => Promise<string[]>;
};

/** What no plan may say: a walk through a table, or a sort of what is not known to be a few. The audit is read from its ends, a few rows each time, which SQLite calls a scan. */
export const growing = /^SCAN (?!audit_)|USE TEMP B-TREE/;

export function explain<Tables>(database: Database<Tables>): Planner<Tables> {
  let sent: CompiledQuery[] = [];
  const recording = (db: Kysely<Tables>): Kysely<Tables> => {
    const built = new Map<unknown, CompiledQuery>();
    const plugin: KyselyPlugin = {
      transformQuery: ({ node, queryId }) => {
        built.set(queryId, db.getExecutor().compileQuery(node, queryId));
        return node;
      },
      // Subqueries are built as well, but not run by themselves.
      transformResult: async ({ result, queryId }) => {
        sent.push(built.get(queryId)!);
        return result;
      },
    };
    return Object.assign(db.withPlugin(plugin), {
      // Statements come compiled.
      executeQuery: (query: CompiledQuery) => {
        sent.push(query);
        return db.executeQuery(query);
      },
    }) as Kysely<Tables>;
  };
  return {
    rows: {
      read: recording(database.read),
      transaction: (work) => database.transaction((tx) => work({ ...tx, db: recording(tx.db) })),
    },
    async plansOf(run) {
      sent = [];
      await run();
      if (sent.length === 0) throw new Error('no query was sent');
      const plans: string[] = [];
      // A new parent's look for children is planned, and skipped unless a foreign key is violated just then.
      await sql`PRAGMA foreign_keys = OFF`.execute(database.read);
      for (const query of sent.splice(0)) {
        const { rows } = await database.read.executeQuery<{ detail: string }>({ ...query, sql: `EXPLAIN QUERY PLAN ${query.sql}` });
        plans.push(...rows.map(({ detail }) => detail));
      }
      return plans;
    },
  };
}
