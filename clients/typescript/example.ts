/**
 * A whole visit: contact, payment, measurement, report, delivery. The screen asks for what it wants and hears what becomes of it; nothing is polled. It goes on
 * where it was when the gateway is restarted meanwhile. `KIOSK_URL` (http://127.0.0.1:3000) and `KIOSK_API_KEY` say where and as whom.
 */
import { createClient } from './src/client.ts';

const kiosk = createClient({ url: process.env['KIOSK_URL'] ?? 'http://127.0.0.1:3000', key: process.env['KIOSK_API_KEY'] });

const session = await kiosk.createSession({ body: { type: 'thickness', contact: { email: 'client@example.com' } } });
console.log('session', session.id);

const intent = await kiosk.createIntent({ body: { amount: 35_000, currency: 'RUB', sessionId: session.id } });
console.log('to be paid by', intent.qrCodeData || intent.qrCodeUrl);

let isMeasured = false;
for await (const message of kiosk.watchSession({ id: session.id })) {
  if (message.event === 'payment') {
    const { status, failureReason } = message.data;
    if (status === 'failed' || status === 'expired') throw new Error(`not paid: ${failureReason ?? status}`);
    if (status === 'confirmed' && !isMeasured) {
      isMeasured = true;
      console.log('paid');
      await measure();
    }
  }
  if (message.event === 'delivery') {
    const { channel, to, status, lastError } = message.data;
    if (status === 'dead') throw new Error(`not delivered: ${lastError ?? 'unknown'}`);
    if (status === 'sent' || status === 'delivered') {
      console.log('sent by', channel, 'to', to);
      await kiosk.completeSession({ id: session.id });
    }
  }
  if (message.event === 'session' && message.data.status === 'completed') break;
}
console.log('done');

async function measure(): Promise<void> {
  const report = await kiosk.createThicknessReport({
    body: {
      data: {
        sessionId: session.id,
        vehicleType: 'sedan',
        vehicleMake: 'Hyundai',
        measurements: [{ zone: 'hood', point: 1, value: 117 }, { zone: 'roof', point: 1, value: 121 }],
        timestamp: new Date().toISOString(),
      },
    },
  });
  const pdf = await kiosk.getReportPdf({ id: report.reportId });
  console.log('report', report.reportId, `${pdf.length} bytes`);
}
