/** Two brokers that know each other's address over Moleculer's TCP transporter; no metrics, no tracing, no log. */
import { ServiceBroker } from 'moleculer';

export async function startBroker({ nodeID, tcpPort, services = [], waitFor = [] }) {
  const [own, other] = nodeID === 'front' ? tcpPort : tcpPort.toReversed();
  const peer = nodeID === 'front' ? 'sessions' : 'front';
  const broker = new ServiceBroker({
    nodeID, logger: false,
    transporter: { type: 'TCP', options: { udpDiscovery: false, port: own, urls: [`127.0.0.1:${own}/${nodeID}`, `127.0.0.1:${other}/${peer}`] } },
  });
  for (const service of services) broker.createService(service);
  await broker.start();
  if (waitFor.length > 0) await broker.waitForServices(waitFor, 20_000);
  return broker;
}
