/** What a person with a browser reads where a program gets a problem document. */
import type { Fault } from '@kiosk/fault';
import type { Response } from 'express';
import { escape, sendPage } from './pages.ts';
import { retryAfterSecondsOf, statusOf } from './problem.ts';

type Words = { title: string; text: string };

const words: Readonly<Record<string, Words>> = {
  link_unknown: { title: 'Такой ссылки нет', text: 'Проверьте, что адрес скопирован целиком, без пробелов и переносов. Если ссылке больше двух месяцев, она уже удалена.' },
  link_expired: { title: 'Срок действия ссылки закончился', text: 'Отчёт по ней больше не открывается. Если отчёт приходил вам письмом, он приложен к письму. Чтобы получить его снова, обратитесь к тому, кто проводил проверку.' },
  link_revoked: { title: 'Ссылка отозвана', text: 'Отчёт по ней больше не открывается. Если вы её не отзывали, обратитесь к тому, кто проводил проверку.' },
  report_file_missing: { title: 'Отчёт больше не хранится', text: 'Файл удалён по истечении срока хранения.' },
  report_not_found: { title: 'Отчёта с таким номером нет', text: 'Здесь отчёт с этим номером не выдавали. Если вы пришли по QR-коду с отчёта, отчёт может быть подделан: проверьте адрес страницы и номер на последнем листе.' },
  rate_limited: { title: 'Слишком много запросов', text: 'Подождите минуту и откройте страницу снова.' },
};
const later: Words = { title: 'Сервис временно недоступен', text: 'Отчёт не потерян. Откройте страницу снова через несколько минут.' };
const otherwise: Words = { title: 'Страница не открывается', text: 'Попробуйте ещё раз позже или обратитесь к тому, кто проводил проверку.' };

export function sendErrorPage(response: Response, fault: Fault): void {
  const { title, text } = words[fault.reason] ?? (['unavailable', 'exhausted', 'deadline'].includes(fault.kind) ? later : otherwise);
  const retryAfter = retryAfterSecondsOf(fault);
  if (retryAfter !== undefined) response.set('retry-after', String(retryAfter));
  response.status(statusOf(fault));
  sendPage(response, {
    title,
    body: `<h1>${escape(title)}</h1>\n<p>${escape(text)}</p>\n<p class="note">Код обращения: ${escape(response.get('x-request-id') ?? '')}</p>`,
  });
}
