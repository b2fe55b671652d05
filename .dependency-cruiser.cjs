/**
 * Who may import whom. Between packages: a service knows the libraries and the contracts of those it calls, never another service's code.
 * Between files: nouns and verbs know neither the wire nor the database's driver. What is not named here is allowed.
 */
const { Visitor } = require('@swc/core/Visitor.js');

// dependency-cruiser walks swc's syntax trees with this visitor, which does not know `using` declarations.
const visitStatement = Visitor.prototype.visitStatement;
Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  this.visitVariableDeclarators(statement.decls);
  return statement;
};

const services = ['sessions', 'payments', 'reporting', 'gateway'];
const tests = '\\.test\\.ts$|\\.fixture\\.ts$|/testing[^/]*\\.ts$';

/** Forbids `from` everything of ours but itself and `libs`, which is part of a path, as all paths here are. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^${from}/`, pathNot: tests },
  to: { path: '^(libs|services|dev|clients|operator|tests|bench|deploy)/', pathNot: [`^${from}/`, ...allowed.map((path) => `^${path}/`)] },
});

const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** A package outside, by name. */
const outside = (...names) => ({ path: `node_modules/(${names.join('|')})/` });

module.exports = {
  forbidden: [
    // libs
    only('fault-imports-nothing', 'libs/fault', []),
    only('contracts-import-nothing-of-ours', 'libs/contracts', []),
    only('rpc-imports-fault', 'libs/rpc', ['libs/fault']),
    only('database-imports-nothing-of-ours', 'libs/database', []),
    only('service-imports-nothing-of-ours', 'libs/service', []),
    never('fault-is-plain', 'The error that crosses every border needs nothing.', { path: '^libs/fault/src/', pathNot: tests }, { dependencyTypes: ['core', 'npm', 'npm-dev'] }),

    // services
    ...services.map((name) => only(`${name}-imports-libs`, `services/${name}`, name === 'gateway' ? ['libs/(contracts|fault|rpc|service)'] : ['libs/[^/]+'])),
    ...services.map((name) => never(`${name}-is-not-imported`, 'Services meet over the wire; only the bench looks inside.', { path: '^(libs|services|tests)/', pathNot: `^services/${name}/` }, { path: `^services/${name}/` })),
    never('sessions-calls-nobody', 'The call graph has no circle.', { path: '^services/sessions/' }, { path: '^libs/contracts/src/kiosk/(payments|reporting)/' }),
    never('payments-calls-sessions', 'The call graph has no circle.', { path: '^services/payments/' }, { path: '^libs/contracts/src/kiosk/reporting/' }),
    never('gateway-keeps-nothing', 'It has no database.', { path: '^services/gateway/' }, outside('better-sqlite3', 'kysely', 'pg')),
    never('services-have-no-driver', 'Which database stands behind a store is libs/database\'s affair.', { path: '^services/', pathNot: tests }, outside('better-sqlite3', 'pg')),
    never('http-is-the-gateways', 'Only the gateway and pretend outsiders speak HTTP to customers.', { path: '^(libs|services)/', pathNot: '^services/gateway/' }, outside('express', 'helmet')),

    never('http-is-got-not-imported', 'An import of node:http loads the client behind fetch as well, see libs/service/src/http.ts.', { path: '^(libs|services)/', pathNot: tests }, { path: '^(node:)?http$', dependencyTypesNot: ['type-only'] }),

    // files
    never(
      'the-wire-ends-at-grpc',
      'Messages become nouns in grpc.ts; service.ts wires; command.ts asks a running service. Nouns, verbs and stores know neither contracts nor gRPC.',
      { path: '^services/(sessions|payments|reporting)/src/', pathNot: ['/src/(grpc|service|main|command)\\.ts$', tests] },
      { path: ['^libs/(contracts|rpc)/', 'node_modules/@grpc/'] },
    ),
    never(
      'the-store-has-the-queries',
      'Kysely stays in the files that hold queries and tables.',
      { path: '^services/(sessions|payments|reporting)/src/', pathNot: ['/src/[a-z-]*(store|row|rows)\\.ts$', '/src/(tables|psp-dev|steps)\\.ts$', tests] },
      outside('kysely'),
    ),
    never(
      'a-noun-is-pure',
      'State and transitions as pure functions: no store, no seam, no verb, no input or output.',
      { path: '^services/[^/]+/src/(session|intent|refund|delivery|report|contact|metadata)\\.ts$' },
      { path: ['/src/([a-z-]*store|service|grpc|events|config|main)\\.ts$', '^libs/(database|rpc|service|contracts)/', 'node_modules/(kysely|express|@grpc|pdfkit|nodemailer)'], dependencyTypesNot: ['type-only'] },
    ),
    never('only-the-wiring-reads-settings', 'config.ts gives plain data; the others get what they need.', { path: '^services/[^/]+/src/', pathNot: ['/src/(main|service|command)\\.ts$', tests] }, { path: '/src/config\\.ts$', dependencyTypesNot: ['type-only'] }),
    never('nobody-imports-a-main', 'A program is started, not imported.', {}, { path: '/src/main\\.ts$' }),
    never('no-tests-in-sources', 'What ships imports no tests.', { pathNot: [tests, '^tests/'] }, { path: `${tests}|^tests/` }),

    // operator, dev, tests, bench
    only('operator-looks-from-outside', 'operator', ['libs/(database|service)', 'dev/stack']),
    only('psp-stands-alone', 'dev/psp', []),
    only('outbox-stands-alone', 'dev/outbox', []),
    only('tests-speak-http', 'tests', ['dev/[^/]+', 'clients/[^/]+']),
    never('tests-speak-http-only', 'Stories know the gateway\'s HTTP and nothing behind it.', { path: '^tests/' }, { path: ['^(libs|services)/', 'node_modules/(@grpc|kysely|better-sqlite3)'] }),
    { ...only('deploy-runs-what-there-is', 'deploy', ['dev/[^/]+', 'clients/[^/]+']), from: { path: '^deploy/' } },
    never('dev-does-not-ship', 'Nothing that ships depends on pretend parties.', { path: '^(libs|services)/', pathNot: tests }, { path: '^dev/' }),

    // everywhere
    never('no-circles', 'A circle has no bottom to start reading at.', {}, { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }),
    never('resolvable', 'An import that leads nowhere.', {}, { couldNotResolve: true }),
    never('declared', 'What a package imports stands in its package.json.', { path: '^(libs|services|dev|bench)/', pathNot: tests }, { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The bench's peers have packages of their own.
    exclude: { path: '^((libs/[^/]+|services/[^/]+|dev/[^/]+|clients/[^/]+|operator)/dist/|bench/peers/)' },
    // TypeScript 7 has no JavaScript interface to parse with.
    parser: 'swc',
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@kiosk/source', 'node', 'import', 'default'],
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.json'],
    },
    skipAnalysisNotInRules: true,
  },
};
