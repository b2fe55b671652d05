// The image's health check: asks the service in this container whether it is well. The gateway need only answer; that it misses
// another service is no reason to restart it.
import { request as http } from 'node:http';
import { request as https } from 'node:https';

const usualPorts = { sessions: 9101, payments: 9102, reporting: 9103, gateway: 3000 };
const service = process.env.KIOSK_SERVICE;
const isGateway = service === 'gateway';
const port = process.env[isGateway ? 'PORT' : `${service.toUpperCase()}_METRICS_PORT`] || usualPorts[service];
// Its certificate names the address that customers know, not this one.
const ask = isGateway && process.env.HTTPS_CERT ? https : http;

ask({ host: '127.0.0.1', port, path: isGateway ? '/health/live' : '/health/ready', rejectUnauthorized: false, timeout: 2500 }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1);
}).on('timeout', () => process.exit(1)).on('error', ({ message }) => {
  console.error(message);
  process.exit(1);
}).end();
