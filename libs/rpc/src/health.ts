/** grpc.health.v1, for probes: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import type { Server } from '@grpc/grpc-js';
import { addLazily } from './lazily.ts';

const methods = [['Check', false], ['Watch', true], ['List', false]].map(([name, responseStream]) => ({
  path: `/grpc.health.v1.Health/${name}`, requestStream: false, responseStream: responseStream === true,
}));

/** Says SERVING of the whole server until `stop` is called. */
export function addHealth(server: Server): { stop: () => void } {
  let status: 'SERVING' | 'NOT_SERVING' = 'SERVING';
  let tell = (): void => {};
  addLazily(server, methods, async () => {
    const { HealthImplementation } = await import('grpc-health-check');
    const health = new HealthImplementation({ '': status });
    tell = () => health.setStatus('', status);
    return health;
  });
  return {
    stop() {
      status = 'NOT_SERVING';
      tell();
    },
  };
}
