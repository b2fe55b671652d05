/** GET /openapi.json as it was written, and GET /docs, which shows it to people. */
import { docsPage } from './docs-page.ts';
import type { Document } from './openapi.ts';
import { route, type Route } from './route.ts';

/** The page has styles of its own and nothing else. */
const pagePolicy = 'default-src \'none\'; style-src \'unsafe-inline\'; base-uri \'none\'; form-action \'none\'; frame-ancestors \'none\'';

export function documentRoutes({ document }: { document: string }): Route[] {
  let page: string | undefined;
  return [
    route({
      method: 'get',
      path: '/openapi.json',
      name: 'getOpenapi',
      summary: 'This document.',
      roles: ['public'],
      urgency: 'list',
      untimed: true,
      answers: { 200: { description: 'OpenAPI 3.1', type: 'application/json' } },
      handle({ response }) {
        response.type('json').send(document);
      },
    }),
    route({
      method: 'get',
      path: '/docs',
      name: 'getDocs',
      summary: 'This document as a page for people.',
      roles: ['public'],
      urgency: 'list',
      untimed: true,
      answers: { 200: { description: 'A page', type: 'text/html' } },
      handle({ response }) {
        page ??= docsPage(JSON.parse(document) as Document);
        response.set('content-security-policy', pagePolicy).type('html').send(page);
      },
    }),
  ];
}
