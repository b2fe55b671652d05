/** Server reflection, for grpcurl and the like. */
import type { Server } from '@grpc/grpc-js';
import { addLazily } from './lazily.ts';

const methods = ['v1', 'v1alpha'].map((version) => ({
  path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, requestStream: true, responseStream: true,
}));

/** `descriptors`: a FileDescriptorSet, what is told of. */
export function addReflection(server: Server, descriptors: Uint8Array): void {
  addLazily(server, methods, async () => {
    const [{ ReflectionService }, { loadFileDescriptorSetFromBuffer }] = await Promise.all([import('@grpc/reflection'), import('@grpc/proto-loader')]);
    // Every entry of a package definition carries all of its files: one entry tells all, and the library would read them again for each.
    const entries = Object.entries(loadFileDescriptorSetFromBuffer(Buffer.from(descriptors))).slice(0, 1);
    return new ReflectionService(Object.fromEntries(entries));
  });
}
