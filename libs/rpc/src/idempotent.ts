/**
 * Which calls a contract marks as safe to repeat. proto-loader drops `idempotency_level` from a descriptor set (it keeps the option only for
 * .proto text), so the few fields needed are read here, by their numbers in google/protobuf/descriptor.proto.
 */
import { fromJSON, type MessageTypeDefinition } from '@grpc/proto-loader';

type DescriptorSet = { file: { package: string; service: { name: string; method: { name: string; options: { idempotencyLevel: number } | null }[] }[] }[] };

const loaded = fromJSON({
  nested: {
    Set: { fields: { file: { rule: 'repeated', type: 'File', id: 1 } } },
    File: { fields: { package: { type: 'string', id: 2 }, service: { rule: 'repeated', type: 'Service', id: 6 } } },
    Service: { fields: { name: { type: 'string', id: 1 }, method: { rule: 'repeated', type: 'Method', id: 2 } } },
    Method: { fields: { name: { type: 'string', id: 1 }, options: { type: 'Options', id: 4 } } },
    Options: { fields: { idempotencyLevel: { type: 'int32', id: 34 } } },
  },
}, { defaults: true, arrays: true });
const descriptorSet = loaded['Set'] as unknown as MessageTypeDefinition<DescriptorSet, DescriptorSet>;

/** The paths (`/kiosk.sessions.v1.Sessions/GetSession`) of the calls marked NO_SIDE_EFFECTS or IDEMPOTENT. */
export function idempotentPaths(descriptors: Uint8Array): Set<string> {
  const paths = new Set<string>();
  for (const file of descriptorSet.deserialize(Buffer.from(descriptors)).file) {
    for (const service of file.service) {
      for (const { name, options } of service.method) if (options?.idempotencyLevel) paths.add(`/${file.package}.${service.name}/${name}`);
    }
  }
  return paths;
}
