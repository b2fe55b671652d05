/** Which services may call a server with TLS, by the name in their certificate. Everybody else is refused, health and reflection included. */
import * as grpc from '@grpc/grpc-js';
import { Fault } from '@kiosk/fault';
import { X509Certificate } from 'node:crypto';
import { statusOf } from './status.ts';

/** Certificates last for months: a few of them are known at a time. */
const mostKnown = 100;

/** `onRefused` is told of each call that is refused. */
export function onlyCallers(names: readonly string[], onRefused: (fault: Fault, method: string) => void): grpc.ServerInterceptor {
  const known = new Map<string, boolean>();

  function isAllowed(call: grpc.ServerInterceptingCallInterface): boolean {
    const { sslPeerCertificate: certificate } = call.getAuthContext();
    if (!certificate) return false;
    const before = known.get(certificate.fingerprint256);
    if (before !== undefined) return before;
    const parsed = new X509Certificate(certificate.raw);
    const allowed = names.some((name) => parsed.checkHost(name, { subject: 'never', wildcards: false }) !== undefined);
    if (known.size >= mostKnown) known.clear();
    known.set(certificate.fingerprint256, allowed);
    return allowed;
  }

  return ({ path }, call) => {
    if (isAllowed(call)) return new grpc.ServerInterceptingCall(call);
    return new grpc.ServerInterceptingCall(call, {
      start: () => {
        // For whoever waits behind the caller the service is away: it is not they who are forbidden anything.
        const fault = new Fault({ kind: 'unavailable', reason: 'caller_not_allowed', message: 'The name in the caller\'s certificate is not among those that may call this service.' });
        onRefused(fault, path.slice(1));
        call.sendStatus({ ...statusOf(fault), code: grpc.status.PERMISSION_DENIED });
      },
    });
  };
}
