/** Calls to a service: its own messages with hostile fields, messages of no shape at all, and frames that are none. */
import { PaymentsService } from '@kiosk/contracts/payments/v1/payments';
import { ReportingService } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionsService } from '@kiosk/contracts/sessions/v1/sessions';
import { costlyPercent } from './http-cases.ts';
import { mutate, numbers, texts } from './hostile.ts';
import type { Random } from './random.ts';

export type GrpcCase = { service: 'sessions' | 'payments' | 'reporting'; headers: Record<string, string>; body: Buffer };

const methods = Object.entries({ sessions: SessionsService, payments: PaymentsService, reporting: ReportingService })
  .flatMap(([service, definition]) => Object.values(definition).map((method: { path: string }) => ({ service: service as GrpcCase['service'], path: method.path })));

const cheap = methods.filter(({ path }) => !/\/Erase\w+$/.test(path));
/** What libraries of others answer. */
const standard = ['/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Watch', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'];

export function grpcCase(random: Random): GrpcCase {
  const { service, path } = random.pick(random.chance(costlyPercent) ? methods : cheap);
  const headers: Record<string, string> = { ':path': path, ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '2S' };
  if (random.chance(40)) headers['x-caller-bin'] = Buffer.from(random.pick(['{"role":"kiosk","name":"k-1"}', '{"role":"operator","name":"a"}', '{"role":1}', 'null', '[', random.pick(texts).slice(0, 500)])).toString('base64');
  if (random.chance(10)) headers['x-request-id'] = random.pick(texts).slice(0, 200).replaceAll(/[^\x21-\x7e]/g, '');
  if (random.chance(2)) headers['grpc-timeout'] = random.pick(['0n', '99999999H', '-1S', 'S', '']);
  if (random.chance(2)) headers[':path'] = random.pick(['/', '/kiosk.sessions.v1.Sessions/Nothing', path.slice(0, -1), `${path}/`, '//', ...standard]);
  if (random.chance(2)) headers['content-type'] = random.pick(['application/grpc+json', 'application/json', 'application/grpc-web', 'text/plain', 'application/grpc+proto']);
  if (random.chance(1)) headers['grpc-encoding'] = random.pick(['gzip', 'deflate', 'identity', 'x']);
  return { service, headers, body: frameOf(messageOf(random), random) };
}

/** A message of up to twelve fields, whatever the contract has under their numbers. */
function messageOf(random: Random, depth = 0): Buffer {
  const fields = Array.from({ length: random.below(depth === 0 ? 9 : 4) }, () => field(1 + random.below(12), random, depth));
  const message = Buffer.concat(fields);
  return depth === 0 && random.chance(25) ? Buffer.from(mutate(message, random)) : message;
}

function field(number: number, random: Random, depth: number): Buffer {
  switch (random.below(8)) {
    case 0: case 1: return Buffer.concat([varint(BigInt(number * 8)), varint(BigInt(Math.trunc(random.pick(numbers))))]);
    case 2: return Buffer.concat([varint(BigInt(number * 8)), varint(BigInt(random.below(4)))]);
    case 3: return Buffer.concat([varint(BigInt(number * 8 + 1)), random.bytes(8)]);
    case 4: return delimited(number, depth < 3 ? messageOf(random, depth + 1) : random.bytes(3));
    case 5: return random.chance(90) ? delimited(number, random.bytes(random.below(20))) : Buffer.concat([varint(BigInt(number * 8 + random.pick([3, 4, 5, 6, 7]))), random.bytes(4)]);
    default: return delimited(number, Buffer.from(random.pick(texts)));
  }
}

function delimited(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

/** https://protobuf.dev/programming-guides/encoding/#varints; what is negative takes ten bytes. */
function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a flag, the length in four bytes, the message. */
function frameOf(message: Buffer, random: Random): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  if (random.chance(94)) return Buffer.concat([head, message]);
  switch (random.below(6)) {
    case 0: head[0] = 1; break;
    case 1: head[0] = 0xff; break;
    case 2: head.writeUInt32BE(0xffff_ffff, 1); break;
    case 3: head.writeUInt32BE(Math.max(0, message.length - 1), 1); break;
    case 4: return Buffer.concat([head, message, head, message]);
    default: return Buffer.from(mutate(Buffer.concat([head, message]), random));
  }
  return Buffer.concat([head, message]);
}
