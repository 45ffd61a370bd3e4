'use strict';
/** Prisma's official WASM query engine, from its npm package, over a node-postgres pool. */
const fs = require('node:fs');
const path = require('node:path');
const { PrismaPg } = require('@prisma/adapter-pg');
const { bindAdapter } = require('@prisma/driver-adapter-utils');
const { openPool, connectionError } = require('./connection.cjs');
const { effectiveUrl, forDriverAdapters, readModels } = require('./datamodel.cjs');
const { toJsonQuery } = require('./graphql-to-json.cjs');
const { errorResult, toGraphqlResult } = require('./results.cjs');

const TRACE = JSON.stringify({ traceparent: '00-10-10-00' });
const LONGEST_PAUSE_MS = 5000;

class QueryEngine {
  /** @param {string} schemaFile the Prisma schema that the Python client was generated from */
  constructor(schemaFile) {
    this.datamodel = fs.readFileSync(schemaFile, 'utf8');
    this.url = effectiveUrl(this.datamodel);
    this.models = readModels(this.datamodel);
    const rawQueries = path.join(path.dirname(schemaFile), '_raw_query.py');
    const oldForm = fs.existsSync(rawQueries) && fs.readFileSync(rawQueries, 'utf8').includes('prisma__value');
    this.rawForm = oldForm ? 'tagged' : 'columns';
    /** Why it is not open, as an error of `connectionError`; null once it is. */
    this.trouble = { code: 'P1001', message: 'the engine is starting', meta: {}, final: false };
  }

  /** Connect, trying again while the server may yet come; never rejects. */
  async open() {
    for (let pause = 250; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const { pool, schema } = await openPool(this.url, (error) => log(`idle connection: ${error.message}`));
        this.adapter = bindAdapter(new PrismaPg(pool, { schema }));
        this.engine = this.#instantiate();
        await this.engine.connect('00');
        this.trouble = null;
        return;
      } catch (error) {
        this.trouble = connectionError(error, this.url);
        log(this.trouble.message);
        if (this.trouble.final) return;
        await new Promise((resume) => { setTimeout(resume, pause); });
      }
    }
  }

  #instantiate() {
    const folder = path.join(path.dirname(require.resolve('@prisma/client/package.json')), 'runtime');
    const glue = require(path.join(folder, 'query_engine_bg.postgresql.js'));
    const module = new WebAssembly.Module(fs.readFileSync(path.join(folder, 'query_engine_bg.postgresql.wasm')));
    glue.__wbg_set_wasm(new WebAssembly.Instance(module, { './query_engine_bg.js': glue }).exports);
    const settings = {
      datamodel: forDriverAdapters(this.datamodel),
      env: process.env,
      logQueries: Boolean(process.env.LOG_QUERIES),
      logLevel: process.env.RUST_LOG ?? 'error',
      ignoreEnvVarErrors: true,
      datasourceOverrides: {},
      configDir: '.',
      engineProtocol: 'json',
      enableTracing: false,
    };
    return new glue.QueryEngine(settings, (line) => { if (process.env.LOG_QUERIES) log(line); }, this.adapter);
  }

  /** Answer a request body `{query}` or `{batch, transaction}`, inside an interactive transaction where one is named. */
  async query(body, transaction) {
    const message = JSON.parse(body);
    if (!message.batch) return this.#one(message.query, transaction);
    const items = message.batch.map((item) => toJsonQuery(this.models, item.query));
    const batch = items.map((item) => item.query);
    const settings = message.transaction ? { isolationLevel: message.isolationLevel } : undefined;
    const result = await this.#send({ batch, transaction: settings }, transaction);
    if (result.errors || !result.batchResult) return result;
    return { batchResult: result.batchResult.map((each, at) => this.#answer(each, items[at])) };
  }

  async #one(text, transaction) {
    const item = toJsonQuery(this.models, text);
    return this.#answer(await this.#send(item.query, transaction), item);
  }

  #answer(result, { key, isRaw }) {
    return toGraphqlResult(result, key, isRaw ? this.rawForm : 'no');
  }

  async #send(query, transaction) {
    const result = JSON.parse(await this.engine.query(JSON.stringify(query), TRACE, transaction));
    for (const error of result.errors ?? []) this.#name(error);
    return result;
  }

  /** The driver's own errors come as a number to look up; most say that the server is away. */
  #name(error) {
    if (error.user_facing_error?.error_code !== 'P2036') return;
    const cause = this.adapter.errorRegistry?.consumeError(error.user_facing_error.meta?.id)?.error;
    if (!cause) return;
    error.error = String(cause.message ?? cause);
    error.user_facing_error = errorResult(`Can't reach database: ${error.error}`, 'P1001').errors[0].user_facing_error;
  }

  async startTransaction(body) {
    return outcome(await this.engine.startTransaction(body, TRACE));
  }

  async endTransaction(id, how) {
    const end = how === 'commit' ? 'commitTransaction' : 'rollbackTransaction';
    const result = outcome(await this.engine[end](id, TRACE));
    return result.errors ? result : {};
  }
}

function outcome(text) {
  const result = JSON.parse(text || '{}');
  return result.error_code ? { errors: [{ error: result.message, user_facing_error: result }] } : result;
}

function log(line) {
  console.error(`query-engine: ${line}`);
}

module.exports = { QueryEngine, log };
