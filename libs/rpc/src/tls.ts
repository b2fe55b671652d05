/**
 * Mutual TLS: each side shows a certificate of the one authority. Without it the contracts are for this machine only, because whoever reaches the port
 * may confirm payments; so another address needs it, to listen on and to connect to.
 */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import { readFileSync } from 'node:fs';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { createSecureContext } from 'node:tls';

/** PEM files. A certificate names its service (`sessions`) as a DNS name among its subject alternative names. */
export type Tls = {
  caFile: string;
  certFile: string;
  keyFile: string;
  /** How often the files are read again: every minute. */
  renewalMs?: number;
};

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  return host === 'localhost' || (isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4'));
}

/** Fails with a Fault where a server would listen for others without TLS. */
export function refuseOpenHost(host: string): void {
  if (isLoopback(host)) return;
  throw new Fault({
    kind: 'invalid', reason: 'grpc_host_not_loopback',
    message: `gRPC without TLS listens on loopback only, not on ${host}: set the GRPC host to 127.0.0.1, or GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY`,
  });
}

/** Fails with a Fault where a client would talk to another machine without TLS. `address` is `host:port`. */
export function refuseOpenAddress(address: string, peer: string): void {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*)):\d+$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && isLoopback(host)) return;
  throw new Fault({
    kind: 'invalid', reason: 'grpc_address_not_loopback',
    message: `gRPC without TLS asks the ${peer} service on loopback only, not at ${address}: set GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY`,
  });
}

export function serverCredentials(certificates: Certificates): grpc.ServerCredentials {
  return grpc.experimental.createCertificateProviderServerCredentials(certificates, certificates, true);
}

export function clientCredentials(certificates: Certificates): grpc.ChannelCredentials {
  return grpc.experimental.createCertificateProviderChannelCredentials(certificates, certificates);
}

type Pem = { ca: Buffer; cert: Buffer; key: Buffer };

/**
 * The files' content, read again every so often: new connections then use what is new, the others live on. Files that do not fit together, as in the middle
 * of a renewal, count only once they do. Fails with a Fault when that is so at the start.
 */
export class Certificates implements grpc.experimental.CertificateProvider, Disposable {
  readonly #files: Tls;
  readonly #authorityListeners = new Set<grpc.experimental.CaCertificateUpdateListener>();
  readonly #identityListeners = new Set<grpc.experimental.IdentityCertificateUpdateListener>();
  readonly #timer: NodeJS.Timeout;
  #pem: Pem;

  constructor(files: Tls) {
    this.#files = files;
    try {
      this.#pem = readPem(files);
    } catch (cause) {
      throw new Fault({
        kind: 'invalid', reason: 'grpc_tls_unusable', cause,
        message: 'GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY must name readable PEM files: an authority, a certificate, and the key of that certificate',
      });
    }
    this.#timer = setInterval(() => this.#renew(), files.renewalMs ?? 60_000).unref();
  }

  get pem(): Pem {
    return this.#pem;
  }

  addCaCertificateListener(listener: grpc.experimental.CaCertificateUpdateListener): void {
    this.#authorityListeners.add(listener);
    // Later: grpc-js listens for what follows only after this.
    process.nextTick(() => listener({ caCertificate: this.#pem.ca }));
  }

  removeCaCertificateListener(listener: grpc.experimental.CaCertificateUpdateListener): void {
    this.#authorityListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: grpc.experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(() => listener({ certificate: this.#pem.cert, privateKey: this.#pem.key }));
  }

  removeIdentityCertificateListener(listener: grpc.experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.delete(listener);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    try {
      this.#pem = readPem(this.#files);
    } catch {
      // What was read before still holds; an end of its validity shows in refused connections.
      return;
    }
    const { ca, cert, key } = this.#pem;
    for (const listener of this.#authorityListeners) listener({ caCertificate: ca });
    for (const listener of this.#identityListeners) listener({ certificate: cert, privateKey: key });
  }
}

function readPem({ caFile, certFile, keyFile }: Tls): Pem {
  const [ca, cert, key] = [readFileSync(caFile), readFileSync(certFile), readFileSync(keyFile)];
  // Fails if they are not what they should be, or not of one another.
  createSecureContext({ ca, cert, key });
  return { ca, cert, key };
}
