/** The pages: the list at /, a mail at /mails/:id, and what is in it. A mail's HTML is hostile until proven otherwise. */
import type { Router } from 'express';
import express from 'express';
import { loopbackOnly } from './control.ts';
import type { Faults } from './faults.ts';
import type { Kept, Mail } from './kept.ts';
import { mailPage, newest, page } from './page.ts';
import { readMail } from './reading.ts';
import { Refusal } from './refusal.ts';

const CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'";

export function pagesRouter({ kept, faults }: { kept: Kept; faults: Faults }): Router {
  const router = express.Router();
  router.use(loopbackOnly, (_request, response, next) => {
    response.set({
      'content-security-policy': `${CONTENT_SECURITY}; form-action 'self'`, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
    });
    next();
  });

  router.get('/', async (_request, response) => {
    const mails = await Promise.all(newest(kept.mails()).map(async (mail) => ({ mail, subject: (await readMail(mail)).subject })));
    response.type('html').send(page({ mails, texts: kept.texts(), faults: faults.all(), journal: faults.journal }));
  });
  router.get('/mails/:id', async (request, response) => {
    const mail = mailOf(request.params.id);
    response.type('html').send(mailPage(mail, await readMail(mail)));
  });
  router.get('/mails/:id/raw', (request, response) => {
    response.type('text/plain').send(mailOf(request.params.id).raw);
  });
  /** In a sandbox: no script, no forms, nothing fetched from anywhere. */
  router.get('/mails/:id/html', async (request, response) => {
    const { html = '' } = await readMail(mailOf(request.params.id));
    response.set('content-security-policy', `sandbox; ${CONTENT_SECURITY}; img-src data:`).type('html').send(html);
  });
  router.get('/mails/:id/attachments/:index', async (request, response) => {
    const { attachments } = await readMail(mailOf(request.params.id));
    const attachment = attachments[Number(request.params.index)];
    if (attachment === undefined) throw new Refusal({ status: 404, message: 'no such attachment' });
    response.attachment(attachment.filename).type('application/octet-stream').send(attachment.content);
  });
  return router;

  function mailOf(id: string): Mail {
    const mail = kept.mails().find((one) => one.id === id);
    if (mail === undefined) throw new Refusal({ status: 404, message: 'no such mail' });
    return mail;
  }
}
