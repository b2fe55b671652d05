import { run } from '@kiosk/service';
import { readConfig } from './config.ts';
import { startSessions } from './service.ts';

await run(() => startSessions({ config: readConfig() }));
