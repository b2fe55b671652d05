/**
 * A peer: the same features as the kiosk's gateway, each as its library's guide shows it: zod, helmet, express-rate-limit, pino-http, prom-client,
 * unary grpc-js with a deadline, and OpenTelemetry's automatic instrumentation. `naive-front.cjs <port> <grpc port>`. CommonJS, which the instrumentation patches.
 */
const { credentials } = require('@grpc/grpc-js');
const express = require('express');
const { rateLimit } = require('express-rate-limit');
const { default: helmet } = require('helmet');
const { randomUUID } = require('node:crypto');
const pinoHttp = require('pino-http');
const client = require('prom-client');
const { z } = require('zod');

const [port, grpcPort] = process.argv.slice(2);

const contact = z.strictObject({ email: z.string().max(254).optional(), phone: z.string().max(32).optional() });
const createSession = z.strictObject({
  type: z.enum(['thickness', 'diagnostics']),
  contact: contact.optional(),
  metadata: z.record(z.string(), z.unknown()).refine((value) => JSON.stringify(value).length <= 16_384).optional(),
  ttlMs: z.int().min(1000).max(86_400_000).optional(),
  kioskId: z.string().regex(/^[\w.-]{1,64}$/).optional(),
});

const duration = new client.Histogram({ name: 'http_request_duration_seconds', help: 'Duration of HTTP requests.', labelNames: ['method', 'route', 'status'] });
client.collectDefaultMetrics();

async function start() {
  const { sessionsService } = await import('./grpc-definition.mjs');
  const { ready, sessionJson } = await import('./bare-sessions.mjs');
  const sessions = new sessionsService(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  const ask = (method, request) => new Promise((resolve, reject) => {
    sessions[method](request, { deadline: Date.now() + 10_000 }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });

  const app = express();
  app.use(helmet());
  app.use(pinoHttp({ genReqId: (request) => request.headers['x-request-id'] ?? randomUUID() }));
  app.use((request, response, next) => {
    const end = duration.startTimer();
    response.set('x-request-id', request.id);
    response.on('finish', () => end({ method: request.method, route: request.route?.path ?? 'none', status: response.statusCode }));
    next();
  });
  app.use(rateLimit({ windowMs: 60_000, limit: 10_000_000, standardHeaders: 'draft-8', legacyHeaders: false, validate: false }));
  app.use(express.json({ limit: '64kb' }));
  app.post('/api/sessions', async (request, response) => {
    const { type, contact: { email = '', phone = '' } = {}, metadata = {}, kioskId = '' } = createSession.parse(request.body);
    const session = await ask('createSession', { type, email, phone, metadata: JSON.stringify(metadata), kiosk_id: kioskId });
    response.status(201).json(sessionJson(session));
  });
  app.get('/api/sessions/:id', async (request, response) => {
    response.json(sessionJson(await ask('getSession', { id: request.params.id })));
  });
  app.get('/metrics', async (_request, response) => {
    response.type(client.register.contentType).send(await client.register.metrics());
  });
  app.use((error, request, response, _next) => {
    request.log.error(error);
    const status = error instanceof z.ZodError ? 400 : 500;
    response.status(status).type('application/problem+json').json({ status, title: error.name });
  });
  app.listen(Number(port), '127.0.0.1', ready);
}

void start();
