/** One unary call whose messages are JSON, with grpc-js as it comes. */
import { makeGenericClientConstructor, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';

export const echoDefinition: ServiceDefinition<UntypedServiceImplementation> = {
  echo: {
    path: '/bench.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: object) => Buffer.from(JSON.stringify(message)),
    requestDeserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
    responseSerialize: (message: object) => Buffer.from(JSON.stringify(message)),
    responseDeserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
  },
};

export const EchoClient = makeGenericClientConstructor(echoDefinition, 'Echo');
