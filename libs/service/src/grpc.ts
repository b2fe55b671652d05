// What the settings say of the calls between services.
import { isIPv6 } from 'node:net';
import { SettingsError, type Settings, type commonSettings } from './settings.ts';

type TlsSettings = Pick<Settings<typeof commonSettings>, 'GRPC_TLS_CA' | 'GRPC_TLS_CERT' | 'GRPC_TLS_KEY'>;

/** The PEM files of one service, with its name in place of `{service}`; undefined without TLS. Fails with a SettingsError where only some are set. */
export function grpcTls({ GRPC_TLS_CA, GRPC_TLS_CERT, GRPC_TLS_KEY }: TlsSettings, service: string): { caFile: string; certFile: string; keyFile: string } | undefined {
  if (GRPC_TLS_CA === undefined && GRPC_TLS_CERT === undefined && GRPC_TLS_KEY === undefined) return undefined;
  if (GRPC_TLS_CA === undefined || GRPC_TLS_CERT === undefined || GRPC_TLS_KEY === undefined) {
    throw new SettingsError(['GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY go together: set all of them or none']);
  }
  const [caFile, certFile, keyFile] = [GRPC_TLS_CA, GRPC_TLS_CERT, GRPC_TLS_KEY].map((path) => path.replaceAll('{service}', service)) as [string, string, string];
  return { caFile, certFile, keyFile };
}

/** Where a service of this machine is found, host:port. */
export function grpcAddress({ GRPC_HOST: host }: { GRPC_HOST: string }, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `127.0.0.1:${port}`;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
