import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { plainRequestOf } from './plain-request.ts';

const get = 'GET /api/reports/rep_1?a=b HTTP/1.1\r\nHost: a\r\nX-Request-Id:  mine \r\n\r\n';
const post = 'POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\nnull';
const plain = (bytes: string) => plainRequestOf(Buffer.from(bytes, 'latin1'));

test('a whole request in one piece is read with its method, its address and what a refusal answers to', () => {
  expect(plain(get)).toEqual({ method: 'GET', url: '/api/reports/rep_1?a=b', headers: { 'x-request-id': 'mine' } });
  expect(plain(post)).toEqual({ method: 'POST', url: '/api/sessions', headers: {} });
});

test('who asks is read too, from either header', () => {
  const from = (header: string) => plain(post.replace('host: a', `host: a\r\n${header}`))?.headers;
  expect(from('Authorization: Bearer a-key')).toEqual({ authorization: 'Bearer a-key' });
  expect(from('X-API-Key: a-key')).toEqual({ 'x-api-key': 'a-key' });
});

test('headers of one name are joined, as Node does: two request ids are none', () => {
  expect(plain(get.replace('\r\n\r\n', '\r\nx-request-id:\tyours\t\r\n\r\n'))?.headers).toEqual({ 'x-request-id': 'mine, yours' });
});

test.each([
  ['half a head', get.slice(0, -1)], ['half a body', post.slice(0, -1)], ['two requests', get + get], ['a byte more than the body', `${post} `],
  ['a chunked body', post.replace('content-length: 4', 'transfer-encoding: chunked')], ['both kinds of length', post.replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n')],
  ['two lengths', post.replace('\r\n\r\n', '\r\ncontent-length: 4\r\n\r\n')], ['a length with a sign', post.replace(': 4', ': +4')], ['a length that is none', post.replace(': 4', ': 4, 4')],
  ['a length and a blank that is none', post.replace(': 4', ': 4\xa0')], ['two hosts', get.replace('\r\n\r\n', '\r\nhost: b\r\n\r\n')],
  ['a folded header', get.replace('\r\n\r\n', '\r\n folded: x\r\n\r\n')], ['a bare line feed', get.replace('Host: a\r\n', 'Host: a\n')],
  ['a bare carriage return', get.replace('Host: a', 'Host: a\rb')], ['a blank before the colon', get.replace('Host:', 'Host :')], ['a NUL', get.replace('mine', 'mi\0ne')],
  ['no host', get.replace('Host: a\r\n', '')], ['HTTP/1.0', get.replace('1.1', '1.0')], ['another method', get.replace('GET', 'OPTIONS')], ['a HEAD, whose refusal has no body', get.replace('GET', 'HEAD')],
  ['an address of another form', get.replace('/api', 'http://a/api')], ['an upgrade', get.replace('\r\n\r\n', '\r\nupgrade: h2c\r\n\r\n')],
  ['a connection to be closed', get.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')], ['a client that waits for a go-ahead', post.replace('\r\n\r\n', '\r\nexpect: 100-continue\r\n\r\n')],
  ['an empty line first', `\r\n${get}`], ['nothing', ''],
])('%s is left to the parser', (_what, bytes) => {
  expect(plain(bytes)).toBeUndefined();
});

test('what is taken for one whole request is one whole request to Node\'s parser too', async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().once('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const insertion = fc.constantFrom('\r\n', '\n', '\r', ' ', '\t', ':', '\0', '4', '\xff', 'content-length: 1\r\n', 'x: y\r\n', 'transfer-encoding: chunked\r\n', 'GET / HTTP/1.1\r\n\r\n');
  const mutated = fc.tuple(fc.constantFrom<string>(get, post), fc.array(fc.tuple(fc.nat(160), fc.nat(2), insertion), { maxLength: 3 }))
    .map(([start, changes]) => changes.reduce<string>((bytes, [at, remove, insert]) => bytes.slice(0, at) + insert + bytes.slice(at + remove), start));
  let taken = 0;
  await fc.assert(fc.asyncProperty(mutated, async (bytes) => {
    const request = plain(bytes);
    if (!request) return;
    taken++;
    seen.splice(0);
    const socket = connect(port, '127.0.0.1');
    // Where the parser saw less or more than one request, the one after would not be the second.
    socket.end(Buffer.from(`${bytes}GET /after HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 'latin1'));
    await text(socket);
    expect(seen).toEqual([`${request.method} ${request.url}`, 'GET /after']);
  }), { numRuns: 2000, seed: 1 });
  expect(taken).toBeGreaterThan(100);
  server.close();
});
