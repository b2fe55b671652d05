/** The certificate and key for HTTPS, read again when their files change: a renewed certificate needs no restart. */
import { Fault } from '@kiosk/fault';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Paths of PEM files. `certFile` holds the chain, the server's own first. */
export type CertificateFiles = { certFile: string; keyFile: string };

export type Certificate = { cert: Buffer; key: Buffer };

/** Watching by path, because a renewal usually replaces the file or the link to it. */
const lookEveryMs = 30_000;

/** Fails with `bad_certificate` where a file cannot be read, is not PEM, or the key is another certificate's. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  try {
    const certificate = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    createSecureContext(certificate);
    return certificate;
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw new Fault({ kind: 'invalid', reason: 'bad_certificate', message: `HTTPS_CERT and HTTPS_KEY cannot be used (${code}): each must be a PEM file, and the key the certificate's.` });
  }
}

/** Calls `onChange` with what the files hold after a change, and `onBad` where that cannot be used: then the one in use stays. */
export function watchCertificate(files: CertificateFiles, { onChange, onBad, everyMs = lookEveryMs }: {
  onChange: (certificate: Certificate) => void; onBad: (error: unknown) => void; everyMs?: number;
}): Disposable {
  const look = (): void => {
    try {
      onChange(readCertificate(files));
    } catch (error) {
      onBad(error);
    }
  };
  const paths = [files.certFile, files.keyFile];
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, look);
  return {
    [Symbol.dispose]: () => {
      for (const path of paths) unwatchFile(path, look);
    },
  };
}
