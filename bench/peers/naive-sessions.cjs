/**
 * The far side of the naive build: grpc-js unary, contact checks by the same libraries, Kysely with the dialect that it ships, a FULL commit for each
 * request, an audit row, pino, prom-client, automatic instrumentation. `naive-sessions.cjs <grpc port> <file>`.
 */
const { Server, ServerCredentials, status } = require('@grpc/grpc-js');
const { Kysely, SqliteDialect } = require('kysely');
const { parsePhoneNumberFromString } = require('libphonenumber-js/max');
const { pino } = require('pino');
const client = require('prom-client');

const [port, file] = process.argv.slice(2);

async function start() {
  const { sessionsService } = await import('./grpc-definition.mjs');
  const { newId, openFile, ready, sessionsSchema } = await import('./bare-sessions.mjs');
  const log = pino();
  const created = new client.Counter({ name: 'sessions_created_total', help: 'Sessions opened.', labelNames: ['type'] });
  const duration = new client.Histogram({ name: 'grpc_call_duration_seconds', help: 'Duration of calls.', labelNames: ['method'] });
  const database = openFile(file, { synchronous: 'FULL', schema: `${sessionsSchema}
    CREATE TABLE audit_logs (at INTEGER NOT NULL, event TEXT NOT NULL, entity_id TEXT NOT NULL, details TEXT NOT NULL) STRICT;
    CREATE INDEX audit_by_entity ON audit_logs (entity_id);
  ` });
  const db = new Kysely({ dialect: new SqliteDialect({ database }) });

  async function createSession({ type, email, phone, metadata, kiosk_id }) {
    const number = parsePhoneNumberFromString(phone, 'RU');
    if (!number?.isValid() || !/^[^@\s]+@[^@\s]+$/.test(email)) throw Object.assign(new Error('contact is not right'), { code: status.INVALID_ARGUMENT });
    const now = Date.now();
    const session = {
      id: newId('ses'), type, status: 'active', email: email.toLowerCase(), phone: number.number, metadata, kiosk_id, created_at: now, expires_at: now + 3_600_000,
    };
    await db.transaction().execute(async (tx) => {
      await tx.insertInto('sessions').values(session).execute();
      await tx.insertInto('audit_logs').values({ at: now, event: 'session.created', entity_id: session.id, details: JSON.stringify({ type }) }).execute();
    });
    created.inc({ type });
    log.info({ event: 'session.created', sessionId: session.id }, 'session created');
    return session;
  }

  async function getSession({ id }) {
    const session = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
    if (!session) throw Object.assign(new Error('there is no such session'), { code: status.NOT_FOUND });
    return session.expires_at <= Date.now() ? { ...session, status: 'expired' } : session;
  }

  const handle = (method, run) => ({ request }, answer) => {
    const end = duration.startTimer({ method });
    run(request).then((response) => answer(null, response), answer).finally(end);
  };
  const server = new Server();
  server.addService(sessionsService.service, { createSession: handle('CreateSession', createSession), getSession: handle('GetSession', getSession) });
  server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
    ready();
  });
}

void start();
