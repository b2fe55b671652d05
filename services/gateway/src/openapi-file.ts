/** Writes openapi.json from the routes and their schemas. With --check it only compares. Takes nothing, fails with code 1 where the file is stale. */
import { createMetrics } from '@kiosk/service';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Held } from './held.ts';
import { openapiOf, type Samples } from './openapi.ts';
import { routeTable, type Clients } from './table.ts';

export const documentFile = new URL('../openapi.json', import.meta.url);
const sampleFolder = new URL('../../../docs/samples/', import.meta.url);

function sample(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, sampleFolder), 'utf8'));
}

/** What the file should hold. */
export function documentText(): string {
  const nobody = { grpcAddress: '', metricsAddress: '' };
  // The routes are looked at, not called.
  const routes = routeTable({
    ...{} as Clients & { held: Held }, peers: { sessions: nobody, payments: nobody, reporting: nobody }, metrics: createMetrics({ service: 'gateway' }), document: '',
  });
  const samples: Samples = {
    createDiagnosticsReport: { granta: sample('diagnostics-granta'), camry: sample('diagnostics-camry-clean') },
    createThicknessReport: { solaris: sample('thickness-solaris'), dokker: sample('thickness-dokker-thick-factory') },
  };
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return `${JSON.stringify(openapiOf({ routes, samples, version }), null, 2)}\n`;
}

if (import.meta.main) {
  const text = documentText();
  if (!process.argv.includes('--check')) writeFileSync(documentFile, text);
  else if (readFileSync(documentFile, 'utf8') !== text) {
    console.error('services/gateway/openapi.json must be written anew: run services/gateway/src/openapi-file.ts');
    process.exitCode = 1;
  }
}
