import { expect, test } from '@jest/globals';
import { startTestOutbox } from './testing.ts';

const SEND = { login: 'a', psw: 'b', fmt: '3', charset: 'utf-8', phones: '79001234567', mes: '<b>&</b> https://kiosk.example/r/abc' };
const HOSTILE = '<script>alert(1)</script>';

test('the hands do by script what the functions do', async () => {
  await using box = await startTestOutbox();
  expect((await box.json('/control/faults', { on: 'rcpt', kind: 'reply', code: 450 })).body).toMatchObject([{ on: 'rcpt', times: 1 }]);
  await expect(box.mail()).rejects.toMatchObject({ responseCode: 450 });
  await box.mail();
  await box.form('/sys/send.php', SEND);
  expect((await box.get('/control/mails')).body).toMatchObject([{ id: '1', to: ['client@example.org'], sizeBytes: expect.any(Number) }]);
  expect((await box.json('/control/deliver', { id: '1', status: 1 })).body).toEqual({});
  expect((await box.get('/control/texts')).body).toMatchObject([{ id: '1', status: 1 }]);
  expect((await box.get('/control/journal')).body).toContainEqual(expect.objectContaining({ on: 'rcpt', fault: 'reply' }));
  await box.json('/control/smtp/down', {});
  await expect(box.mail()).rejects.toThrow('ECONNREFUSED');
  await box.json('/control/smtp/up', {});
  await box.mail();
  expect((await box.json('/control/forget', {})).status).toBe(200);
  expect([box.outbox.mails(), box.outbox.texts()]).toEqual([[], []]);
});

test('nonsense is HTTP 400 that says why, an unknown id 404', async () => {
  await using box = await startTestOutbox();
  expect(await box.json('/control/faults', { on: 'rcpt', kind: 'gremlin' }))
    .toMatchObject({ status: 400, body: { error: expect.stringContaining('kind') } });
  expect(await box.json('/control/deliver', { id: '9', status: 'sent' })).toMatchObject({ status: 404 });
  expect(await box.get('/mails/9')).toMatchObject({ status: 404 });
});

test('a page of another site cannot use the hands', async () => {
  await using box = await startTestOutbox();
  expect((await box.form('/control/forget', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
});

test('a form of the page leads back to it', async () => {
  await using box = await startTestOutbox();
  const filled = { on: 'after_data', kind: 'hang', code: '', times: 'always', recipient: '', certificate: 'expired' };
  const answer = await box.form('/control/faults', filled);
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
  expect(box.outbox.faults.all()).toMatchObject([{ on: 'after_data', kind: 'hang', times: 'always' }]);
  expect((await box.get('/')).text).toContain('after_data');
});

test('the list shows mails and texts, and nothing in them is markup', async () => {
  await using box = await startTestOutbox();
  await box.mail({ subject: HOSTILE });
  await box.form('/sys/send.php', SEND);
  const { text, headers } = await box.get('/');
  expect(text).toContain('&lt;script&gt;');
  expect(text).not.toContain('<script');
  expect(text).toContain('&lt;b&gt;&amp;&lt;/b&gt;');
  expect(text).toContain('<a href="https://kiosk.example/r/abc"');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('a mail opens as text and as source; its HTML only in a sandbox; its attachments are downloads', async () => {
  await using box = await startTestOutbox();
  await box.mail({ subject: HOSTILE, text: HOSTILE, html: HOSTILE, attachment: { filename: 'x".html', content: Buffer.from(HOSTILE) } });
  const shown = await box.get('/mails/1');
  expect(shown.text).not.toContain('<script');
  expect(shown.text.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;/g)).toHaveLength(4);
  const rendered = await box.get('/mails/1/html');
  expect(rendered.text).toContain('<script>');
  expect(rendered.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
  const attached = await box.get('/mails/1/attachments/0');
  expect(attached.headers.get('content-disposition')).toMatch(/^attachment; /);
  expect(attached.headers.get('content-type')).toMatch(/^application\/octet-stream/);
  expect(attached.headers.get('x-content-type-options')).toBe('nosniff');
  expect(attached.text).toBe(HOSTILE);
  expect((await box.get('/mails/1/raw')).headers.get('content-type')).toMatch(/^text\/plain/);
});
