/** The far side of the NestJS peer: a microservice over gRPC, SQLite NORMAL. `nest-sessions.mjs <grpc port> <file>`. Decorators are called by hand: this is JavaScript. */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import { openFile, ready, sessionsIn, sessionsSchema } from './bare-sessions.mjs';
import { loading, protoPath } from './grpc-definition.mjs';
import { decorated } from './nest-decorated.mjs';

const [port, file] = process.argv.slice(2);
const sessions = sessionsIn(openFile(file, { synchronous: 'NORMAL', schema: sessionsSchema }));

class SessionsController {
  createSession(request) {
    return sessions.create(request);
  }

  getSession({ id }) {
    return sessions.get(id);
  }
}
decorated(SessionsController, [Controller()], {
  createSession: [GrpcMethod('Sessions', 'CreateSession')],
  getSession: [GrpcMethod('Sessions', 'GetSession')],
});

class SessionsModule {}
decorated(SessionsModule, [Module({ controllers: [SessionsController] })]);

const app = await NestFactory.createMicroservice(SessionsModule, {
  logger: false, transport: Transport.GRPC, options: { package: 'peers', protoPath, loader: loading, url: `127.0.0.1:${port}` },
});
await app.listen();
ready();
