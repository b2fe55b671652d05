import { createHash, webcrypto } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Fault, notFound } from '@kiosk/fault';
import { checkPage } from './check-page.ts';
import { readConfig } from './config.ts';
import { aReport, problemOf, reportId, startTestGateway, type TestGateway } from './testing.ts';

const token = 'AAAAAAAAAAAAAAAAAAAAAA';
const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8' };
const checked = {
  reportId, type: aReport.type, createdAt: new Date('2026-11-23T21:30:00Z'), sha256: createHash('sha256').update('%PDF-1.7').digest('hex'), pages: 2, erased: false,
  issuer: 'Автокиоск <№ 1>',
};
let failing: Fault | undefined;
let gateway: TestGateway;
beforeAll(async () => {
  const fail = () => {
    if (failing) throw failing;
  };
  gateway = await startTestGateway({
    reporting: {
      openLink: async () => (fail(), { pdf: Buffer.from('%PDF-1.7'), sha256: checked.sha256, reportId, fileName: 'otchet-MNPQRSTV.pdf' }),
      checkReport: async () => (fail(), checked),
    },
  });
});
beforeEach(() => {
  failing = undefined;
  gateway.asked.splice(0);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

describe('a link', () => {
  test('D10 opens the PDF, which nobody keeps, finds or is told of', async () => {
    const response = await gateway.send(`/r/${token}`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/pdf', 'content-disposition': 'inline; filename="otchet-MNPQRSTV.pdf"', 'content-length': '8', 'cache-control': 'no-store',
      'x-robots-tag': 'noindex, nofollow, noarchive', 'referrer-policy': 'no-referrer', vary: 'Accept',
    });
    expect(await response.text()).toBe('%PDF-1.7');
    expect(gateway.asked.map(({ request }) => request)).toEqual([{ token, isLook: false }]);
  });

  test('D10 a HEAD, which a preview sends first, tells the same and does not count as an opening', async () => {
    const response = await gateway.send(`/r/${token}`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), response.headers.get('content-length')]).toEqual([200, 'application/pdf', '8']);
    expect(gateway.asked.map(({ request }) => request)).toEqual([{ token, isLook: true }]);
  });

  test.each<[reason: string, status: number, words: string]>([
    ['link_unknown', 404, 'Такой ссылки нет'], ['link_expired', 410, 'Срок действия ссылки закончился'], ['link_revoked', 410, 'Ссылка отозвана'],
    ['report_file_missing', 404, 'Отчёт больше не хранится'],
  ])('D10 %s is %i: a problem for programs, a page in Russian for people', async (reason, status, words) => {
    failing = notFound(reason, 'It is over.');
    const forProgram = await gateway.send(`/r/${token}`);
    expect(forProgram.status).toBe(status);
    expect(await problemOf(forProgram)).toMatchObject({ reason, status });
    const forPerson = await gateway.send(`/r/${token}`, { headers: browser });
    expect([forPerson.status, forPerson.headers.get('content-type'), forPerson.headers.get('cache-control')]).toEqual([status, 'text/html; charset=utf-8', 'no-store']);
    const page = await forPerson.text();
    expect(page).toContain(`<h1>${words}</h1>`);
    expect(page).toContain(forPerson.headers.get('x-request-id'));
    expect(page).not.toMatch(/<script|src=|href=|It is over/);
  });

  test('a service that is away is worth another visit, and the page says so', async () => {
    failing = new Fault({ kind: 'unavailable', reason: 'reporting_unavailable', message: 'x', retryAfterMs: 2000 });
    const response = await gateway.send(`/r/${token}`, { headers: browser });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await response.text()).toContain('Отчёт не потерян');
  });

  test('is read so often a minute from one address, and the refusal can be read too', async () => {
    await using strict = await startTestGateway({ config: readConfig({ OPERATOR_API_KEYS: 'anna:operator-key-1111', RATE_LIMIT_PDFS_PER_MINUTE: '2', OVERLOAD_DELAY_MS: '60000' }), now: () => 0 });
    const statuses: number[] = [];
    for (let time = 0; time < 3; time += 1) statuses.push((await strict.send(`/r/${token}`)).status);
    expect(statuses).toEqual([200, 200, 429]);
    const response = await strict.send(`/r/${token}`, { headers: browser });
    expect([response.status, await response.text()]).toEqual([429, expect.stringContaining('Слишком много запросов')]);
  });

  test('X2 neither the log nor a metric knows its token', async () => {
    await gateway.send(`/r/${token}`);
    const metrics = await (await gateway.send('/metrics')).text();
    expect(metrics).toContain('route="/r/:token"');
    expect(JSON.stringify(gateway.log()) + metrics).not.toContain(token);
  });
});

describe('the page of a report\'s QR code', () => {
  test('tells number, time, issuer and hash, and nothing else', async () => {
    const response = await gateway.send(`/check/${reportId}`, { headers: browser });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-robots-tag': 'noindex, nofollow, noarchive', 'referrer-policy': 'no-referrer',
    });
    const page = await response.text();
    for (const part of [reportId, '24 ноября 2026', '(МСК)', 'Автокиоск &lt;№ 1&gt;', (checked.sha256.match(/.{8}/g) ?? []).join(' '), 'certutil -hashfile']) {
      expect(page).toContain(part);
    }
    expect(page).not.toMatch(/src=|href=|@import|url\(/);
  });

  test('its policy lets exactly its own style and script run', async () => {
    const response = await gateway.send(`/check/${reportId}`);
    const page = await response.text();
    const hashes = ['style', 'script'].map((tag) => createHash('sha256').update(new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)![1]!).digest('base64'));
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hashes[0]}'; script-src 'sha256-${hashes[1]}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  });

  test('a report whose file is erased says so; its hash still holds', () => {
    expect(checkPage({ ...checked, erased: true }).body).toContain('больше не хранится');
    expect(checkPage(checked).body).not.toContain('больше не хранится');
  });

  test.each(['rep_unknown', 'x', 'ses_01hv3abcdefghjkmnpqrstvwxy'])('a number that was never given out (%s) is 404, in words', async (id) => {
    failing = notFound('report_not_found', 'There is no such report.');
    const response = await gateway.send(`/check/${id}`, { headers: browser });
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining('Отчёта с таким номером нет')]);
    expect(await problemOf(await gateway.send(`/check/${id}`))).toMatchObject({ reason: 'report_not_found' });
  });

  test.each<[string, string, string]>([
    ['the file that was given out', '%PDF-1.7', 'Файл подлинный'], ['one that differs by a byte', '%PDF-1.8', 'Это другой файл'],
  ])('its script compares %s in the browser', async (_what, content, words) => {
    const said = await compare(content, webcrypto);
    expect(said).toEqual({ shown: true, text: expect.stringContaining(words) });
  });

  test('without WebCrypto the field stays hidden, and how to compare by hand stays there', async () => {
    expect(await compare('%PDF-1.7', undefined)).toEqual({ shown: false, text: '' });
  });
});

/** Runs the page's script as a browser does, with the little of it that the script needs. */
async function compare(content: string, crypto: typeof webcrypto | undefined): Promise<{ shown: boolean; text: string }> {
  const listeners: Record<string, () => void> = {};
  const elements: Record<string, Record<string, unknown>> = {
    compare: { hidden: true },
    file: { files: [new Blob([content])], addEventListener: (event: string, act: () => void) => void (listeners[event] = act) },
    result: { textContent: '', className: '' },
    sha256: { textContent: checked.sha256.replaceAll(/.{8}/g, '$& ') },
  };
  const document = { getElementById: (id: string) => elements[id], addEventListener: () => {} };
  runInNewContext(checkPage(checked).script!, { document, window: { crypto }, crypto, Uint8Array, Array });
  listeners['change']?.();
  while (crypto && /^$|Сравниваем/.test(String(elements['result']!['textContent']))) await new Promise(setImmediate);
  return { shown: elements['compare']!['hidden'] === false, text: String(elements['result']!['textContent']) };
}
