/**
 * Server reflection (grpc.reflection.v1 and v1alpha) for grpcurl and the like. A service answers it rarely or never, so what answers it is loaded and built at the
 * first request: at every start it would cost more than all the rest of the start together.
 */
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { ReflectionService } from '@grpc/reflection';

const versions = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'] as const;
const methodName = 'ServerReflectionInfo';

/** A message as it travels; what it says is the library's business. */
const asItTravels = (bytes: Buffer): Buffer => bytes;

type Bytes = ServerDuplexStream<Buffer, Buffer>;
type Talk = (stream: Bytes) => void;

/** `descriptors`: a FileDescriptorSet, what is told of. */
export function addReflection(server: Server, descriptors: Uint8Array): void {
  let loading: Promise<Map<string, Talk>> | undefined;
  for (const version of versions) {
    const path = `/${version}/${methodName}`;
    const definition: ServiceDefinition = {
      [methodName]: {
        path, requestStream: true, responseStream: true,
        requestSerialize: asItTravels, requestDeserialize: asItTravels, responseSerialize: asItTravels, responseDeserialize: asItTravels,
      },
    };
    server.addService(definition, {
      [methodName]: (stream: Bytes) => {
        loading ??= load(descriptors);
        loading.then((talks) => talks.get(path)!(stream), (error: Error) => stream.destroy(error));
      },
    });
  }
}

/** How the library answers, by the paths of its methods. */
async function load(descriptors: Uint8Array): Promise<Map<string, Talk>> {
  const [reflection, { loadFileDescriptorSetFromBuffer }] = await Promise.all([import('@grpc/reflection'), import('@grpc/proto-loader')]);
  // Every entry of a package definition carries all of its files: one entry tells all, and the library would read them again for each.
  const [[name, definition] = []] = Object.entries(loadFileDescriptorSetFromBuffer(Buffer.from(descriptors)));
  if (name === undefined) throw new Error('the descriptors are empty');
  const service: ReflectionService = new reflection.ReflectionService({ [name]: definition! });
  const talks = new Map<string, Talk>();
  // What the library would add to a server is taken from it instead.
  const collector = {
    addService(added: ServiceDefinition, implementation: UntypedServiceImplementation) {
      const { path, requestDeserialize, responseSerialize } = added[methodName]!;
      talks.set(path, (stream) => {
        const talk = implementation[methodName] as unknown as (stream: object) => void;
        talk({
          on: (event: 'data' | 'end', listener: (message?: object) => void) => stream.on(event, (bytes?: Buffer) => listener(bytes && requestDeserialize(bytes) as object)),
          write: (answer: object) => stream.write(responseSerialize(answer)),
          end: () => stream.end(),
        });
      });
    },
  };
  service.addToServer(collector);
  return talks;
}
