/**
 * Which calls a contract marks as safe to repeat: the few fields needed of a FileDescriptorSet, by their numbers in google/protobuf/descriptor.proto. ts-proto
 * leaves `idempotency_level` out of what it generates, and what would read all of the set is the largest part of a start.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

const fileSet = { file: 1 };
const file = { package: 2, service: 6 };
const service = { name: 1, method: 2 };
const method = { name: 1, options: 4 };
const options = { idempotencyLevel: 34 };

/** The paths (`/kiosk.sessions.v1.Sessions/GetSession`) of the calls marked NO_SIDE_EFFECTS or IDEMPOTENT. */
export function idempotentPaths(descriptors: Uint8Array): Set<string> {
  const paths = new Set<string>();
  for (const { bytes: fileBytes } of fieldsOf(descriptors, fileSet.file)) {
    const packageName = textOf(fileBytes, file.package);
    for (const { bytes: serviceBytes } of fieldsOf(fileBytes, file.service)) {
      for (const { bytes } of fieldsOf(serviceBytes, service.method)) {
        const level = fieldsOf(bytes, method.options).flatMap((field) => fieldsOf(field.bytes, options.idempotencyLevel)).at(-1)?.number ?? 0;
        if (level !== 0) paths.add(`/${packageName}.${textOf(serviceBytes, service.name)}/${textOf(bytes, method.name)}`);
      }
    }
  }
  return paths;
}

type Field = { number: number; bytes: Uint8Array };

/** The values of one field of a message: a number, or bytes where it has a length. */
function fieldsOf(message: Uint8Array, wanted: number): Field[] {
  const fields: Field[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number !== wanted) reader.skip(type, number);
    else if (type === WireType.Varint) fields.push({ number: reader.int32(), bytes: new Uint8Array() });
    else fields.push({ number: 0, bytes: reader.bytes() });
  }
  return fields;
}

function textOf(message: Uint8Array, wanted: number): string {
  return new TextDecoder().decode(fieldsOf(message, wanted).at(-1)?.bytes);
}
