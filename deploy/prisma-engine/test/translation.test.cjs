'use strict';
/** The translations between the two protocols, without a database: `node --test test/`. */
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { readUrl } = require('../lib/connection.cjs');
const { effectiveUrl, readModels } = require('../lib/datamodel.cjs');
const { toJsonQuery } = require('../lib/graphql-to-json.cjs');
const { toGraphqlResult } = require('../lib/results.cjs');

const SCHEMA = `
datasource client {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
model Key {
  token    String @id
  metadata Json   @default("{}")
  budget   Budget? @relation(fields: [budget_id], references: [id])
}
model Budget {
  id     String @id
  limits Json?
  keys   Key[]
}
`;
const models = readModels(SCHEMA);

test('a Json field is marked, in the model and in one that it is related to', () => {
  const text = 'mutation { result: createOneKey(data: {token: "t", metadata: "{\\"a\\": 1}", budget: {create: {id: "b", limits: "[1]"}}}) { token } }';
  const { key, isRaw, query } = toJsonQuery(models, text);
  assert.equal(key, 'result');
  assert.equal(isRaw, false);
  assert.deepEqual(query, {
    modelName: 'Key',
    action: 'createOne',
    query: {
      arguments: {
        data: {
          token: 't',
          metadata: { $type: 'Json', value: '{"a": 1}' },
          budget: { create: { id: 'b', limits: { $type: 'Json', value: '[1]' } } },
        },
      },
      selection: { token: true },
    },
  });
});

test('a filter on a Json field keeps its path and marks its value, under AND too', () => {
  const text = 'query { result: findManyKey(where: {AND: [{metadata: {path: ["a"], equals: "1"}}]}) { token } }';
  assert.deepEqual(toJsonQuery(models, text).query.query.arguments.where, {
    AND: [{ metadata: { path: ['a'], equals: { $type: 'Json', value: '1' } } }],
  });
});

test('a whole number that a double cannot hold stays whole', () => {
  const { query } = toJsonQuery(models, 'query { result: findManyKey(take: 9007199254740993) { token } }');
  assert.deepEqual(query.query.arguments.take, { $type: 'BigInt', value: '9007199254740993' });
});

test('OrThrow belongs to the action and not to the model', () => {
  const { query } = toJsonQuery(models, 'query { result: findUniqueKeyOrThrow(where: {token: "t"}) { token } }');
  assert.equal(query.action, 'findUniqueOrThrow');
  assert.equal(query.modelName, 'Key');
});

test('an unknown operation is refused', () => {
  assert.throws(() => toJsonQuery(models, 'query { result: inventKey { token } }'), /unknown operation: inventKey/);
});

test('results lose their type tags at every depth', () => {
  const result = { data: { findManyKey: [{ at: { $type: 'DateTime', value: 'x' }, in: [{ n: { $type: 'BigInt', value: '1' } }] }] } };
  assert.deepEqual(toGraphqlResult(result, 'result', 'no'), { data: { result: [{ at: 'x', in: [{ n: '1' }] }] } });
});

test('raw rows come as old clients read them', () => {
  const raw = { columns: ['a', 'b', 'c'], types: ['int', 'string-array', 'int'], rows: [[1, ['x'], null]] };
  assert.deepEqual(toGraphqlResult({ data: { queryRaw: raw } }, 'result', 'tagged').data.result, [{
    a: { prisma__type: 'int', prisma__value: 1 },
    b: { prisma__type: 'array', prisma__value: [{ prisma__type: 'string', prisma__value: 'x' }] },
    c: { prisma__type: 'null', prisma__value: null },
  }]);
});

test('the database URL comes from the environment, or from what the client overrides it with', () => {
  assert.equal(effectiveUrl(SCHEMA, { DATABASE_URL: 'postgresql://a' }), 'postgresql://a');
  const override = Buffer.from(JSON.stringify([{ name: 'client', url: 'postgresql://b' }])).toString('base64');
  assert.equal(effectiveUrl(SCHEMA, { DATABASE_URL: 'postgresql://a', OVERWRITE_DATASOURCES: override }), 'postgresql://b');
  assert.throws(() => effectiveUrl(SCHEMA, {}), /no database URL in DATABASE_URL/);
});

test('TLS is preferred, required or verified as the URL says', () => {
  const tls = (query) => readUrl(`postgresql://u:p%40@h/d${query}`).tls;
  assert.equal(tls('').use, 'prefer');
  assert.equal(tls('?sslmode=disable').use, 'off');
  assert.equal(tls('?sslmode=require').options.rejectUnauthorized, false);
  assert.equal(tls('?sslmode=require&sslaccept=strict').options.rejectUnauthorized, true);
  assert.equal(tls('?sslmode=verify-full').options.rejectUnauthorized, true);
  assert.equal(tls('?sslaccept=strict').use, 'require');
});

test('addresses, passwords and pools are read as they are written', () => {
  const read = readUrl('postgresql://u:p%40ss@[::1]:6543/d%20b?connection_limit=7&schema=s&pool_timeout=60');
  const { host, port, user, password, database } = read.client;
  assert.deepEqual({ host, port, user, password, database }, { host: '::1', port: 6543, user: 'u', password: 'p@ss', database: 'd b' });
  assert.equal(read.pool.max, 7);
  assert.equal(read.poolSeconds, 60);
  assert.equal(read.schema, 's');
  assert.equal(readUrl('postgresql://u@h/d').schema, 'public');
  assert.equal(readUrl('postgresql://u@localhost/d?host=/run/pg').client.host, '/run/pg');
});
