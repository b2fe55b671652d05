import { run } from '@kiosk/service';
import { readConfig } from './config.ts';
import { startReporting } from './service.ts';

await run(() => startReporting({ config: readConfig() }));
