'use strict';
/** The engine's HTTP interface, as prisma-client-py speaks it, on the loopback address. */
const http = require('node:http');
const { log } = require('./engine.cjs');
const { errorResult } = require('./results.cjs');

const PANIC = 70;
const TRANSACTION = /^\/transaction\/([^/]+)\/(commit|rollback)$/;
/** How long a request waits for a database that is away, before it is told so. */
const PATIENCE_MS = 10_000;

function serve(engine, port) {
  const opening = engine.open();
  const server = http.createServer(async (request, response) => {
    let answer;
    try {
      answer = await route(engine, opening, request);
    } catch (error) {
      log(error.stack ?? String(error));
      answer = errorResult(String(error.message ?? error), 'P2009');
      // A panicked engine stays broken; the client starts another process.
      if (error instanceof WebAssembly.RuntimeError) response.on('finish', () => process.exit(PANIC));
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  // The client keeps connections in its own pool and a query may take as long as it takes.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.on('error', (error) => {
    log(`cannot listen on port ${port}: ${error.message}`);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1');
  return server;
}

async function route(engine, opening, request) {
  const body = await read(request);
  const { pathname, searchParams } = new URL(request.url, 'http://engine');
  if (pathname === '/status') return engine.trouble ? { Errors: [engine.trouble.message] } : { status: 'ok' };
  if (pathname === '/metrics') {
    return searchParams.get('format') === 'prometheus' ? '' : { counters: [], gauges: [], histograms: [] };
  }
  if (engine.trouble) await Promise.race([opening, new Promise((resume) => { setTimeout(resume, PATIENCE_MS).unref(); })]);
  if (engine.trouble) return errorResult(engine.trouble.message, engine.trouble.code, engine.trouble.meta);
  if (pathname === '/transaction/start') return engine.startTransaction(body);
  const ending = TRANSACTION.exec(pathname);
  if (ending) return engine.endTransaction(ending[1], ending[2]);
  return engine.query(body, request.headers['x-transaction-id']);
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

module.exports = { serve };
