/** A whole visit: contact, payment, measurement, report. `KIOSK_URL` (http://127.0.0.1:3000) and `KIOSK_API_KEY` say where and as whom. */
import { createClient } from './src/client.ts';

const kiosk = createClient({ url: process.env['KIOSK_URL'] ?? 'http://127.0.0.1:3000', key: process.env['KIOSK_API_KEY'] });

const session = await kiosk.createSession({ body: { type: 'thickness', contact: { email: 'client@example.com' } } });
console.log('session', session.id);

const intent = await kiosk.createIntent({ body: { amount: 35_000, currency: 'RUB', sessionId: session.id } });
console.log('to be paid by', intent.qrCodeData || intent.qrCodeUrl);

let status = await kiosk.getIntentStatus({ id: intent.intentId });
while (!status.final) {
  await new Promise((resolve) => setTimeout(resolve, 500));
  status = await kiosk.getIntentStatus({ id: intent.intentId });
}
if (status.status !== 'confirmed') throw new Error(`not paid: ${status.failureReason ?? status.status}`);
console.log('paid');

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

await kiosk.completeSession({ id: session.id });
console.log('done');
