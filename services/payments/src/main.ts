import { run } from '@kiosk/service';
import { readConfig } from './config.ts';
import { startPayments } from './service.ts';

await run(() => startPayments({ config: readConfig() }));
