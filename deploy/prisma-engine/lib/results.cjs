'use strict';
/** Turns the WASM engine's results (JSON protocol) into what prisma-client-py reads (GraphQL protocol). */

/**
 * @param {object} result the engine's answer to one query
 * @param {string} key the name under which the client expects the value
 * @param {'no' | 'tagged' | 'columns'} raw whether it answers raw SQL, and in which of the two forms the client reads
 *   that: up to Prisma 5.4 rows of tagged values, later columns, types and rows
 */
function toGraphqlResult(result, key, raw) {
  if (result.errors || !result.data) return result;
  const value = Object.values(result.data)[0];
  return { data: { [key]: raw === 'no' ? untagged(value) : raw === 'tagged' ? taggedRows(value) : value } };
}

/** `{$type: "DateTime", value: ...}` -> the value, at any depth. */
function untagged(value) {
  if (Array.isArray(value)) return value.map(untagged);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.$type === 'string' && 'value' in value) return value.value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, untagged(inner)]));
}

function taggedRows(value) {
  if (value === null || typeof value !== 'object' || !value.columns) return value; // executeRaw: a count
  const { columns, types, rows } = value;
  return rows.map((row) => Object.fromEntries(row.map((cell, at) => [columns[at], tagged(types[at], cell)])));
}

function tagged(type, value) {
  if (value === null) return { prisma__type: 'null', prisma__value: null };
  if (!type.endsWith('-array')) return { prisma__type: type, prisma__value: value };
  const itemType = type.slice(0, -'-array'.length);
  return { prisma__type: 'array', prisma__value: value.map((item) => tagged(itemType, item)) };
}

const errorResult = (message, code, meta = {}) => ({
  errors: [{ error: message, user_facing_error: { is_panic: false, message, meta, error_code: code } }],
});

module.exports = { toGraphqlResult, errorResult };
