/**
 * Node's HTTP without what hangs on it: an `import` of node:http reads all that it exports, and so loads the client behind WebSocket and fetch, which takes
 * 100 ms and 13 MB in each process. Type imports do no harm.
 */
export const http = process.getBuiltinModule('node:http');
