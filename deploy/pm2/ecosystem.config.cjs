/**
 * The four services under PM2, for who has it already: `pm2 start deploy/pm2/ecosystem.config.cjs`, from any folder. Settings come from the environment of
 * that command and from config/service.json. It runs what `npm run build` made. One process each: a database belongs to one process.
 */
const { join } = require('node:path');

const workspace = join(__dirname, '../..');
const services = ['sessions', 'payments', 'reporting', 'gateway'];

module.exports = {
  apps: services.map((service) => ({
    name: `kiosk-${service}`,
    cwd: workspace,
    script: `services/${service}/dist/main.js`,
    interpreter: join(workspace, 'node_modules/.bin/node'),
    exec_mode: 'fork',
    instances: 1,
    // A service drains within 10 s of SIGINT by itself.
    kill_timeout: 15_000,
    // One that dies at once is tried again after 0.2, 0.3 … s, up to 15 s.
    exp_backoff_restart_delay: 200,
    max_memory_restart: '768M',
    // The lines are JSON with a time of their own.
    merge_logs: true,
    time: false,
    env: { NODE_ENV: 'production' },
  })),
};
