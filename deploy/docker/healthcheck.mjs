// The image's health check: asks the service in this container whether it is well. The gateway need only answer; that it misses
// another service is no reason to restart it.
const usualPorts = { sessions: 9101, payments: 9102, reporting: 9103, gateway: 3000 };
const service = process.env.KIOSK_SERVICE;
const isGateway = service === 'gateway';
const port = process.env[isGateway ? 'PORT' : `${service.toUpperCase()}_METRICS_PORT`] || usualPorts[service];

const answer = await fetch(`http://127.0.0.1:${port}/health/${isGateway ? 'live' : 'ready'}`, { signal: AbortSignal.timeout(2500) }).catch((error) => {
  console.error(error.cause?.message ?? error.message);
});
process.exitCode = answer?.ok ? 0 : 1;
