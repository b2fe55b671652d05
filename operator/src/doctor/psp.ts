/** YooKassa as this machine sees it: name, TLS, clock, credentials, and the way back to us. */
import { about, type Finding } from './finding.ts';
import { ask, basic, isLoopback, resolveName, shakeHands } from './outside.ts';
import type { Values } from './settings.ts';

/** TLS, keys and the order of a day's payments suffer beyond it. */
const skewWarningMs = 5000;
const skewLimitMs = 60_000;

export async function checkPsp(values: Values): Promise<Finding[]> {
  const { ok, fail } = about('psp');
  if (values.text('PAYMENTS_PROVIDER') === 'dev') return [ok('pretend money: nobody to ask')];
  const url = new URL(values.text('YOOKASSA_API_URL'));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const named = await resolveName(host);
  if ('problem' in named) return [fail(`${host} has no address: ${named.problem}`, 'see /etc/resolv.conf, and whether this machine is on the network (ping)')];
  const findings = [ok(`${host} is ${named.addresses[0]}`)];
  if (url.protocol === 'https:') {
    const hands = await shakeHands({ host, port: Number(url.port || 443) });
    if ('problem' in hands) return [...findings, fail(`no TLS with ${host}: ${hands.problem}`, tlsAdvice(hands.problem))];
    findings.push(ok(`TLS with ${host}, its certificate is good for ${hands.days} days`));
  } else if (!isLoopback(host)) findings.push(fail(`${url.href} is not https`, 'set YOOKASSA_API_URL'));
  return [...findings, ...await checkCredentials(values)];
}

async function checkCredentials(values: Values): Promise<Finding[]> {
  const { ok, warn, fail } = about('psp');
  const base = values.text('YOOKASSA_API_URL').replace(/\/+$/, '');
  const headers = basic(values.text('YOOKASSA_SHOP_ID'), values.text('YOOKASSA_SECRET_KEY'));
  const before = Date.now();
  const shop = await ask(`${base}/me`, { headers });
  if ('problem' in shop) return [fail(`${base} does not answer: ${shop.problem}`, 'a firewall, a proxy, or YooKassa itself: https://status.yookassa.ru; payments wait and go on by themselves')];
  const findings = [clockFinding(shop.headers.get('date'), before, Date.now())];
  if (shop.status === 401) return [...findings, fail('the shop id and the secret key do not fit', 'set YOOKASSA_SHOP_ID and YOOKASSA_SECRET_KEY as YooKassa\'s office shows them (Integration, API keys)')];
  if (shop.status === 403) return [...findings, fail('the shop may not use the API', 'ask YooKassa\'s support to open it')];
  if (shop.status !== 200) return [...findings, warn(`GET /me answers ${shop.status}`, 'try again later; if it stays so, see YOOKASSA_API_URL')];
  const { account_id: id, status, test, fiscalization_enabled: fiscal } = shop.body as { account_id?: string; status?: string; test?: boolean; fiscalization_enabled?: boolean };
  if (status !== undefined && status !== 'enabled') return [...findings, fail(`the shop ${id} is ${status}`, 'ask YooKassa\'s support')];
  findings.push(ok(`the credentials are those of shop ${id}`));
  if (test === true && values.isProd) findings.push(fail('the shop is a test shop, and AGENT_ENV is PROD', 'use the real shop\'s id and key'));
  const sends = values.text('RECEIPTS_ENABLED') === 'true';
  if (fiscal === true && !sends) findings.push(fail('the shop registers receipts, and RECEIPTS_ENABLED is false: it refuses every payment', 'set RECEIPTS_ENABLED, RECEIPT_VAT_CODE and RECEIPT_FALLBACK_EMAIL'));
  if (fiscal === false && sends) findings.push(warn('RECEIPTS_ENABLED is true, and the shop registers none', 'connect a cash register in YooKassa\'s office'));
  return findings;
}

/** The answer's time lies between when we asked and when we heard, give or take its whole seconds. */
export function clockFinding(date: string | null, askedAt: number, heardAt: number): Finding {
  const { ok, warn, fail } = about('clock');
  const there = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(there)) return warn('the PSP does not tell the time', 'see that timedatectl says: System clock synchronized: yes');
  const skewMs = there + 1000 < askedAt ? askedAt - there - 1000 : there > heardAt ? there - heardAt : 0;
  const todo = 'as root: timedatectl set-ntp true';
  const says = `this clock is ${Math.round(skewMs / 1000)} s ${there > heardAt ? 'slow' : 'fast'}`;
  if (skewMs > skewLimitMs) return fail(says, todo);
  return skewMs > skewWarningMs ? warn(says, todo) : ok('right, by the PSP\'s');
}

/** Whether notifications would find us, as far as that can be seen from here. */
export async function checkWebhook(values: Values): Promise<Finding> {
  const { ok, warn, fail } = about('webhook');
  const url = values.text('YOOKASSA_WEBHOOK_URL');
  if (values.text('PAYMENTS_PROVIDER') === 'dev') return ok('pretend money: nobody notifies');
  if (url === '') return warn('YOOKASSA_WEBHOOK_URL is not set', 'set it to https://<your address>/api/payments/webhook, and enter that in YooKassa\'s office; until then payments are found by asking');
  const { protocol, pathname, hostname } = new URL(url);
  if (!pathname.endsWith('/api/payments/webhook')) return fail(`${url} is not where notifications are taken`, 'it ends in /api/payments/webhook');
  if (protocol !== 'https:' && !isLoopback(hostname)) return fail(`${url} is not https: YooKassa notifies no other`, 'put TLS in front (docs/STARTUP.md), and set YOOKASSA_WEBHOOK_URL');
  const answer = await ask(url);
  if ('problem' in answer) return fail(`${url} does not answer: ${answer.problem}`, 'name in the DNS? port open in the firewall? proxy and gateway running? A machine behind NAT may not reach its own outside address: then try from another');
  // Only POST is taken there, and our gateway says so.
  if (answer.status === 405 && answer.headers.has('x-request-id')) return ok(`${url} leads to the gateway, seen from here`);
  return fail(`${url} leads elsewhere: it answers ${answer.status}`, 'the proxy must pass it to the gateway, which answers a GET there with 405');
}

function tlsAdvice(problem: string): string {
  if (/EXPIRED|NOT_YET/.test(problem)) return 'is this machine\'s date right? Otherwise wait: it is theirs to renew';
  if (/UNABLE|SELF_SIGNED|UNTRUSTED/.test(problem)) return 'something on the way shows its own certificate (a filtering proxy?): have it let YooKassa pass, or trust it by NODE_EXTRA_CA_CERTS';
  if (/ALTNAME/.test(problem)) return 'another machine answers for that name: see the DNS and /etc/hosts';
  return 'port 443 outwards must be open';
}
