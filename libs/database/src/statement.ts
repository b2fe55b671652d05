/**
 * Queries of a fixed shape, written in Kysely and compiled once. Building and compiling a query costs several times what SQLite takes to run it, so what
 * every request runs is a statement; what runs now and then, or whose shape depends on its arguments, is written where it is used.
 *
 * ```ts
 * const byId = statement<Tables, { id: string }>()((db, param) => db.selectFrom('sessions').selectAll().where('id', '=', param('id')));
 * const row = await byId.first(database.read, { id });
 * ```
 */
import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, DummyDriver, type CompiledQuery } from 'kysely';

/** Stands for a parameter while the query is built; typed as the parameter itself. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** What Kysely's builders have. */
type Compilable<Row> = { compile(): CompiledQuery<Row> };
type Param<Params> = <Name extends keyof Params & string>(name: Name) => Params[Name];

const builder = new Kysely<never>({
  dialect: {
    createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db), createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

export class Statement<Tables, Params, Row> {
  readonly #compiled: CompiledQuery<Row>;
  /** For each parameter its name, or the value that the query itself has there. */
  readonly #slots: readonly unknown[];

  constructor(compiled: CompiledQuery<Row>) {
    this.#compiled = compiled;
    this.#slots = compiled.parameters;
  }

  /** Runs it where `db` is: in a transaction (`tx.db`) or on what is committed (`database.read`). */
  async all(db: Kysely<Tables>, params: Params): Promise<Row[]> {
    return (await db.executeQuery(this.#bind(params))).rows;
  }

  async first(db: Kysely<Tables>, params: Params): Promise<Row | undefined> {
    return (await this.all(db, params))[0];
  }

  /** Runs a change. Answers how many rows it changed. */
  async run(db: Kysely<Tables>, params: Params): Promise<number> {
    return Number((await db.executeQuery(this.#bind(params))).numAffectedRows ?? 0n);
  }

  #bind(params: Params): CompiledQuery<Row> {
    const given = params as Record<string, unknown>;
    return { ...this.#compiled, parameters: this.#slots.map((slot) => (slot instanceof Placeholder ? present(given, slot.name) : slot)) };
  }
}

/** SQLite's driver would take what is missing for NULL. */
function present(params: Record<string, unknown>, name: string): unknown {
  const value = params[name];
  if (value === undefined) throw new Error(`the statement's parameter ${name} was not given`);
  return value;
}

/** `param` may stand wherever a value may; not in a list whose length varies. */
export function statement<Tables, Params>() {
  return <Row>(build: (db: Kysely<Tables>, param: Param<Params>) => Compilable<Row>): Statement<Tables, Params, Row> =>
    new Statement(build(builder as unknown as Kysely<Tables>, ((name: string) => new Placeholder(name)) as unknown as Param<Params>).compile());
}

/** Every column of `Row` as a parameter of the same name, for an insert or an update. One that is missing here does not compile. */
export function columns<Row>(names: { [Name in keyof Row]: true }, param: Param<Row>): Row {
  return Object.fromEntries(Object.keys(names).map((name) => [name, param(name as keyof Row & string)])) as Row;
}
