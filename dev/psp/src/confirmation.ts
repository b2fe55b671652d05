/** The customer's page, where the QR or the redirect leads: pay, or not. In the customers' language. */
import type { Request, Response, Router } from 'express';
import express from 'express';
import type { Amount } from './amount.ts';
import type { Html } from './html.ts';
import { html } from './html.ts';
import type { PspPayment } from './objects.ts';
import { Refusal } from './refusal.ts';
import type { Shop } from './shop.ts';

const STYLE = html`<style>
  body { font: 18px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 12vh auto; padding: 0 1rem; text-align: center }
  h1 { font-size: 2.2rem; margin: .3rem }
  button { font: inherit; width: 100%; padding: .8rem; margin: .4rem 0; border-radius: .6rem; border: 1px solid #bbb }
  button.pay { background: #1a7f37; color: #fff; border-color: #1a7f37 } small { color: #666 }
</style>`;

export function confirmationRouter(shop: Shop): Router {
  const { payments, storage } = shop;
  const router = express.Router();
  router.get('/:id', (request, response) => answer(request, response, () => undefined));
  router.post('/:id', express.urlencoded({ extended: false }), (request, response) => {
    const { action } = (request.body ?? {}) as { action?: unknown };
    answer(request, response, (id) => {
      if (payments.get(id).status !== 'pending') return; // pressed twice, or too late: the page says how it stands
      if (action === 'pay') payments.pay(id);
      if (action === 'decline') payments.decline(id, 'general_decline');
      storage.flush();
    });
  });
  return router;

  function answer(request: Request<{ id: string }>, response: Response, act: (id: string) => void): void {
    const returnUrl = payments.has(request.params.id) ? payments.get(request.params.id).confirmation?.return_url : undefined;
    try {
      act(request.params.id);
      response.type('html').send(page(payments.get(request.params.id), returnUrl).text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.status(error.status).type('html').send(frame(html`<h1>Платёж не найден</h1>`).text);
    }
  }
}

function page(payment: PspPayment, returnUrl: string | undefined): Html {
  const leadsToTheWeb = returnUrl !== undefined && /^https?:/.test(returnUrl);
  const back = leadsToTheWeb ? html`<p><a href="${returnUrl}">Вернуться в магазин</a></p>` : undefined;
  switch (payment.status) {
    case 'pending': return frame(html`
      <p>${payment.description ?? 'Оплата заказа'}</p><h1>${rubles(payment.amount)}</h1>
      <form method="post">
        <button class="pay" name="action" value="pay">Оплатить ${rubles(payment.amount)}</button>
        <button name="action" value="decline">Отказаться</button>
      </form>`);
    case 'waiting_for_capture':
    case 'succeeded': return frame(html`<h1>Оплачено</h1><p>${rubles(payment.amount)}</p>${back}`);
    case 'canceled': return frame(html`<h1>Платёж отменён</h1><p>${rubles(payment.amount)}</p>${back}`);
  }
}

function frame(content: Html): Html {
  return html`<!doctype html><html lang="ru"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Оплата</title>${STYLE}
<body>${content}<p><small>Учебная касса: деньги не списываются</small></p></body></html>`;
}

function rubles(amount: Amount): string {
  return new Intl.NumberFormat('ru-RU', { style: 'currency', currency: amount.currency }).format(Number(amount.value));
}
