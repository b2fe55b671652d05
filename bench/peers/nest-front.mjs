/** A peer: NestJS over HTTP and, behind it, a NestJS microservice over gRPC. `nest-front.mjs <port> <grpc port>`. */
import 'reflect-metadata';
import { Body, Controller, Get, HttpCode, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { askedFor, ready, sessionJson } from './bare-sessions.mjs';
import { loading, protoPath } from './grpc-definition.mjs';
import { decorated } from './nest-decorated.mjs';

const [port, grpcPort] = process.argv.slice(2);
const sessions = ClientProxyFactory.create({
  transport: Transport.GRPC, options: { package: 'peers', protoPath, loader: loading, url: `127.0.0.1:${grpcPort}` },
}).getService('Sessions');

class SessionsController {
  async create(body) {
    return sessionJson(await firstValueFrom(sessions.createSession(askedFor(body))));
  }

  async get(id) {
    return sessionJson(await firstValueFrom(sessions.getSession({ id })));
  }
}
decorated(SessionsController, [Controller('api/sessions')], { create: [Post(), HttpCode(201)], get: [Get(':id')] }, { create: [Body()], get: [Param('id')] });

class FrontModule {}
decorated(FrontModule, [Module({ controllers: [SessionsController] })]);

const app = await NestFactory.create(FrontModule, { logger: false });
app.set('etag', false);
app.disable('x-powered-by');
await app.listen(Number(port), '127.0.0.1');
ready();
