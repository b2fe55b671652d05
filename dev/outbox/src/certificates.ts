/** Certificates for the pretended mail server alone. Their key is public, so nothing real may ever trust their authority. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BadCertificate } from './faults.ts';

const folder = join(import.meta.dirname, '..', 'certificates');

/** The authority that a client of the outbox has to trust: as `tls.ca`, or in NODE_EXTRA_CA_CERTS. */
export const caPath = join(folder, 'test-only-ca.pem');

const files: Readonly<Record<'good' | BadCertificate, string>> = {
  good: 'test-only-localhost.pem',
  expired: 'test-only-expired.pem',
  other_host: 'test-only-other-host.pem',
  untrusted: 'test-only-untrusted.pem',
};

/** All are for localhost, 127.0.0.1 and ::1, but `other_host`. PEM. */
export function certificate(which: 'good' | BadCertificate): { cert: string; key: string } {
  return { cert: read(files[which]), key: read('test-only-key.pem') };
}

/** The pair that signs SendGrid's events: always the same, so that its public half can stand in settings. PEM. */
export function sendgridKey(): string {
  return read('test-only-sendgrid-webhook-key.pem');
}

function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}
