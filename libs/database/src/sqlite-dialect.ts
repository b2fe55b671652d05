/**
 * Kysely over one better-sqlite3 connection, with each statement prepared once: Kysely's own driver prepares for every query,
 * which is most of a short query's cost. Transactions are the write queue's affair, so this driver has none.
 */
import type Sqlite from 'better-sqlite3';
import {
  Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler,
  type Compilable, type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult,
} from 'kysely';

/** Statements come from code, so there are few; the bound only guards against SQL with values written into it. */
const statementLimit = 1000;

/**
 * Kysely on one connection. What comes compiled is run at once: Kysely's own way to the connection, by a pool of one and plugins that there are none of, takes as long
 * as a short query.
 */
export class ConnectedKysely<Tables> extends Kysely<Tables> {
  readonly #connection: CachingConnection;

  constructor(sqlite: Sqlite.Database) {
    const connection = new CachingConnection(sqlite);
    super({ dialect: new SqliteDialect(connection) });
    this.#connection = connection;
  }

  override executeQuery<Row>(query: Compilable<Row> | CompiledQuery<Row>): Promise<QueryResult<Row>> {
    return this.#connection.executeQuery<Row>('compile' in query ? query.compile() : query);
  }
}

class SqliteDialect implements Dialect {
  readonly #connection: CachingConnection;

  constructor(connection: CachingConnection) {
    this.#connection = connection;
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#connection);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new SqliteAdapter();
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

class SqliteDriver implements Driver {
  readonly #connection: CachingConnection;

  constructor(connection: CachingConnection) {
    this.#connection = connection;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    throw new Error('write through Database.transaction');
  }

  async commitTransaction(): Promise<void> {
    throw new Error('write through Database.transaction');
  }

  async rollbackTransaction(): Promise<void> {
    throw new Error('write through Database.transaction');
  }

  async destroy(): Promise<void> {
    this.#connection.close();
  }
}

class CachingConnection implements DatabaseConnection {
  readonly #sqlite: Sqlite.Database;
  readonly #statements = new Map<string, Sqlite.Statement>();

  constructor(sqlite: Sqlite.Database) {
    this.#sqlite = sqlite;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = this.#prepare(sql);
    if (statement.reader) return { rows: statement.all(parameters) as Row[] };
    const { changes } = statement.run(parameters);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  // oxlint-disable-next-line require-yield -- the interface asks for a generator
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('page by cursor instead of streaming');
  }

  close(): void {
    this.#sqlite.close();
  }

  #prepare(sql: string): Sqlite.Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= statementLimit) this.#statements.clear();
      statement = this.#sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
