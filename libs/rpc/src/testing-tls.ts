/** Certificates for the tests: of one authority that is trusted, and of another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '../../../dev/stack/src/certificates.ts';
import type { Tls } from './rpc.ts';

export interface TestCertificates extends Disposable {
  readonly folder: string;
  /** As a service of that name has them. */
  of(name: string): Tls;
}

export function testCertificates(...names: string[]): TestCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-rpc-'));
  makeCertificates({ folder, names });
  return {
    folder,
    of: (name) => ({ caFile: join(folder, 'ca.pem'), certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}-key.pem`) }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
