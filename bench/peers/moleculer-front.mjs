/** A peer: Express in front of Moleculer over its TCP transporter. `moleculer-front.mjs <port> <own tcp port> <sessions' tcp port>`. */
import { serve } from './bare-front.mjs';
import { startBroker } from './moleculer-broker.mjs';

const [port, ownPort, sessionsPort] = process.argv.slice(2);
const broker = await startBroker({ nodeID: 'front', tcpPort: [Number(ownPort), Number(sessionsPort)], waitFor: ['sessions'] });

serve(port, { create: (asked) => broker.call('sessions.create', asked), get: (id) => broker.call('sessions.get', { id }) });
