/**
 * Standard services that a library answers and that are asked rarely or never: it is loaded and built at the first request. At every start, the library that
 * reads .proto files would take longer than all the rest together, and a tenth of the memory.
 */
import { status, type Server, type ServerWritableStream, type ServiceDefinition, type UntypedServiceImplementation, type sendUnaryData } from '@grpc/grpc-js';
import type { EventEmitter } from 'node:events';

export type Method = { path: string; requestStream: boolean; responseStream: boolean };
type Library = { addToServer(server: Pick<Server, 'addService'>): void };
type Handler = (call: object, answer?: (error: object | null, response?: object) => void) => void;
type Loaded = Map<string, { definition: ServiceDefinition[string]; handler: Handler }>;
/** Any of grpc-js' kinds of call, before its messages are read. */
type RawCall = EventEmitter & Partial<Pick<ServerWritableStream<Buffer, Buffer>, 'request' | 'cancelled' | 'write' | 'end'>>;

/** A message as it travels; what it says is the library's business. */
const asItTravels = (bytes: Buffer): Buffer => bytes;

export function addLazily(server: Server, methods: readonly Method[], load: () => Promise<Library>): void {
  let loading: Promise<Loaded> | undefined;
  const definitions: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const { path, requestStream, responseStream } of methods) {
    definitions[path] = {
      path, requestStream, responseStream, requestSerialize: asItTravels, requestDeserialize: asItTravels, responseSerialize: asItTravels, responseDeserialize: asItTravels,
    };
    handlers[path] = (call: RawCall, answer?: sendUnaryData<Buffer>) => {
      loading ??= load().then(collect);
      loading.then((loaded) => {
        // The library would wait to be told of it for ever.
        if (call.cancelled) return;
        const { definition, handler } = loaded.get(path)!;
        handler(readable(call, definition), answer && ((error, response) => (error ? answer(error) : answer(null, definition.responseSerialize(response)))));
      }).catch((error: Error) => (answer ? answer(error) : call.emit('error', error)));
    };
  }
  server.addService(definitions, handlers);
}

/** What the library would add to a server. */
function collect(library: Library): Loaded {
  const loaded: Loaded = new Map();
  library.addToServer({
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation) {
      for (const [name, definition] of Object.entries(service)) {
        loaded.set(definition.path, { definition, handler: (implementation[name] ?? implementation[definition.originalName ?? '']) as unknown as Handler });
      }
    },
  });
  return loaded;
}

/** The call as the library expects it: its messages are objects. Bytes that are none end it; thrown to a stream, their error would end the process. */
function readable(call: RawCall, { requestDeserialize, responseSerialize }: ServiceDefinition[string]): object {
  const read = (bytes: Buffer): unknown => {
    try {
      return requestDeserialize(bytes);
    } catch {
      throw Object.assign(new Error('unreadable'), { code: status.INVALID_ARGUMENT, details: 'The message cannot be read.' });
    }
  };
  const told = (listener: (message?: unknown) => void) => (message?: unknown) => {
    try {
      listener(Buffer.isBuffer(message) ? read(message) : message);
    } catch (error) {
      call.emit('error', error);
    }
  };
  return {
    request: call.request && read(call.request),
    on: (event: string, listener: (message?: unknown) => void) => call.on(event, event === 'data' ? told(listener) : listener),
    write: (message: object) => call.write?.(responseSerialize(message)),
    end: () => call.end?.(),
  };
}
