import { run } from '@kiosk/service';
import { readConfig } from './config.ts';
import { startGateway } from './service.ts';

await run(() => startGateway({ config: readConfig() }));
