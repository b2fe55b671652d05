import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { DeliveryChannel, DeliveryStatus, DtcStatus, MeasurementStatus, ReportStatus, Severity, VehicleType } from '@kiosk/contracts/reporting/v1/reporting';
import { readFileSync } from 'node:fs';
import { aReport, reportId, sessionId, startTestGateway, type TestGateway } from './testing.ts';

let gateway: TestGateway;
let report = aReport;
beforeAll(async () => {
  gateway = await startTestGateway({ reporting: { getReport: async () => ({ report }) } });
});
beforeEach(() => void gateway.asked.splice(0));
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

const json = {
  reportId, sessionId, type: 'thickness', status: 'ready', pdfUrl: `/api/reports/${reportId}/pdf`, sha256: 'ab'.repeat(32), pages: 2, deliveries: [],
  createdAt: '2026-11-23T09:00:00.123Z',
};
const sample = (name: string) => readFileSync(new URL(`../../../docs/samples/${name}.json`, import.meta.url), 'utf8').replace('<session id>', sessionId);

test('a diagnostics report passes every field on, in the contract\'s words', async () => {
  const response = await gateway.post('/api/reports/diagnostics', sample('diagnostics-granta'), { headers: { 'idempotency-key': 'k' } });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual(json);
  expect(gateway.asked).toMatchObject([{
    method: 'createDiagnosticsReport',
    request: {
      idempotencyKey: 'k', sessionId, deliverTo: { email: 'ivan.petrov@example.com', phone: '8 (912) 345-67-89' },
      data: {
        vehicleMake: 'LADA', vehicleModel: 'Granta 1.6', year: 2019, vin: 'XTA219170K0321654', mileageKm: 84_210, milOn: true, durationMs: 48_200, cleared: false,
        timestamp: new Date('2026-11-20T09:41:12Z'),
        dtcCodes: [
          { code: 'P0301', status: DtcStatus.DTC_STATUS_STORED, severity: Severity.SEVERITY_UNSPECIFIED },
          { code: 'P0420', status: DtcStatus.DTC_STATUS_STORED, severity: Severity.SEVERITY_MEDIUM },
          { code: 'P0171', status: DtcStatus.DTC_STATUS_PENDING },
          { code: 'U0121', status: DtcStatus.DTC_STATUS_PERMANENT, description: 'Нет связи с блоком ABS' },
        ],
        parameters: expect.arrayContaining([{ name: 'battery_voltage', value: 13.9, unit: 'V' }]),
        monitors: expect.arrayContaining([{ name: 'evap', ready: false }]),
      },
    },
  }]);
});

test('a thickness report passes its measurements on in µm', async () => {
  const data = {
    sessionId, vehicleType: 'minivan', timestamp: '2026-11-20T09:41:12.5+03:00',
    measurements: [{ zone: 'hood', value: 120.5, point: 1, status: 'warning' }, { zone: 'roof', value: 0 }],
  };
  expect((await gateway.post('/api/reports/thickness', { data })).status).toBe(201);
  expect(gateway.asked[0]?.request).toEqual({
    idempotencyKey: '', sessionId, deliverTo: undefined,
    data: {
      vehicleType: VehicleType.VEHICLE_TYPE_MINIVAN, timestamp: new Date('2026-11-20T06:41:12.500Z'),
      measurements: [
        { zone: 'hood', valueUm: 120.5, point: 1, status: MeasurementStatus.MEASUREMENT_STATUS_WARNING },
        { zone: 'roof', valueUm: 0, point: undefined, status: MeasurementStatus.MEASUREMENT_STATUS_UNSPECIFIED },
      ],
    },
  });
});

test.each(['diagnostics-camry-clean', 'thickness-solaris', 'thickness-dokker-thick-factory'])('the sample %s is taken', async (name) => {
  expect((await gateway.post(`/api/reports/${name.split('-')[0]}`, sample(name))).status).toBe(201);
});

test('a report shows its deliveries, with the recipient masked', async () => {
  const delivery = { id: 'dlv_1', toMasked: '+7912***6789', attempts: 2 };
  report = {
    ...aReport, status: ReportStatus.REPORT_STATUS_FAILED, sha256: '', pages: 0,
    deliveries: [
      { ...delivery, channel: DeliveryChannel.DELIVERY_CHANNEL_SMS, status: DeliveryStatus.DELIVERY_STATUS_QUEUED, nextAttemptAt: aReport.createdAt, lastError: 'busy' },
      { ...delivery, channel: DeliveryChannel.DELIVERY_CHANNEL_EMAIL, status: DeliveryStatus.DELIVERY_STATUS_SENT, sentAt: aReport.createdAt },
    ],
  };
  const shown = { deliveryId: 'dlv_1', to: '+7912***6789', attempts: 2 };
  expect(await (await gateway.send(`/api/reports/${reportId}`)).json()).toEqual({
    ...json, status: 'failed', sha256: '', pages: 0,
    deliveries: [
      { ...shown, channel: 'sms', status: 'queued', nextAttemptAt: json.createdAt, lastError: 'busy' },
      { ...shown, channel: 'email', status: 'sent', sentAt: json.createdAt },
    ],
  });
});

test('the PDF comes as it is, named after the report, and is not sent twice to who has it', async () => {
  const first = await gateway.send(`/api/reports/${reportId}/pdf`);
  expect(Object.fromEntries(first.headers)).toMatchObject({
    'content-type': 'application/pdf', 'content-disposition': `inline; filename="${reportId}.pdf"`, 'content-length': '8', etag: `"${'ab'.repeat(32)}"`,
    'cache-control': 'private, no-cache',
  });
  expect(await first.text()).toBe('%PDF-1.7');
  const again = await gateway.send(`/api/reports/${reportId}/pdf`, { headers: { 'if-none-match': first.headers.get('etag')! } });
  expect([again.status, await again.text()]).toEqual([304, '']);
});

test('a session\'s reports are listed, and a report is sent again', async () => {
  expect(await (await gateway.send(`/api/reports/session/${sessionId}`)).json()).toEqual({ reports: [json], count: 1 });
  const again = await gateway.post(`/api/reports/${reportId}/deliver`, { phone: '9001234567' }, { headers: { 'idempotency-key': 'k' } });
  expect([again.status, await again.json()]).toEqual([202, json]);
  expect(gateway.asked.map(({ request }) => request)).toEqual([{ sessionId }, { idempotencyKey: 'k', reportId, to: { phone: '9001234567' } }]);
});

test('D10 the links of a report are ended, and the answer says how many', async () => {
  expect(await (await gateway.send(`/api/reports/${reportId}/links/revoke`, { method: 'POST' })).json()).toEqual({ reportId, revoked: 1 });
  expect(gateway.asked).toMatchObject([{ method: 'revokeLinks', request: { reportId } }]);
});
