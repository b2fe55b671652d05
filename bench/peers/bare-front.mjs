/** The bare HTTP side of a peer that asks another process: Express with its costly default ETag off, and no middleware but the JSON parser. */
import express from 'express';
import { askedFor, ready, sessionJson } from './bare-sessions.mjs';

/** `sessions` is an object of async `create(asked)` and `get(id)`; both give a row. */
export function serve(port, sessions) {
  const app = express();
  app.set('etag', false);
  app.disable('x-powered-by');
  app.use(express.json());
  app.post('/api/sessions', async (request, response) => {
    response.status(201).json(sessionJson(await sessions.create(askedFor(request.body))));
  });
  app.get('/api/sessions/:id', async (request, response) => {
    response.json(sessionJson(await sessions.get(request.params.id)));
  });
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500).json({ title: error.message });
  });
  app.listen(Number(port), '127.0.0.1', ready);
}
