/**
 * `npm run certs -- <folder>` makes certificates for development: an authority, and a certificate for each service that names it. Run again, it renews
 * those of the services; the authority stays. Needs `openssl`.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { serviceNames } from './services.ts';

const authorityDays = 3650;
/** The longest that most programs accept. */
const serviceDays = 825;

const ellipticKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Writes `ca.pem`, `ca-key.pem`, and `<name>.pem` with `<name>-key.pem` for each name. The keys are for their owner's eyes only. */
export function makeCertificates({ folder, names }: { folder: string; names: readonly string[] }): void {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, 'ca.pem'))) {
    issue(folder, 'ca', ['-days', String(authorityDays), '-subj', '/CN=kiosk development authority', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
  }
  for (const name of names) {
    issue(folder, name, [
      '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-days', String(serviceDays), '-subj', `/CN=${name}`,
      '-addext', `subjectAltName=DNS:${name}`, '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth,clientAuth',
    ]);
  }
}

/** Renamed into place, so that a service which reads meanwhile sees the old pair or the new one, or two that do not fit together and are not taken. */
function issue(folder: string, name: string, what: readonly string[]): void {
  const files = [`${name}-key.pem`, `${name}.pem`] as const;
  const [key, certificate] = files.map((file) => `${file}.new`) as [string, string];
  try {
    execFileSync('openssl', ['req', '-x509', ...ellipticKey, ...what, '-keyout', key, '-out', certificate], { cwd: folder, stdio: 'pipe' });
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw missing ? new Error('openssl is not installed; it makes the certificates', { cause: error }) : error;
  }
  chmodSync(join(folder, key), 0o600);
  for (const file of files) renameSync(join(folder, `${file}.new`), join(folder, file));
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? 'certs');
  makeCertificates({ folder, names: serviceNames });
  console.log([
    `certificates for ${serviceNames.join(', ')} are in ${folder}; every service with them:`,
    `  GRPC_TLS_CA=${join(folder, 'ca.pem')} GRPC_TLS_CERT='${join(folder, '{service}.pem')}' GRPC_TLS_KEY='${join(folder, '{service}-key.pem')}' npm start`,
  ].join('\n'));
}
