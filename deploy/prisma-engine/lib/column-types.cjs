'use strict';
/** Column types that the native engine reads and @prisma/adapter-pg 5.17 refuses: LiteLLM's raw SQL meets them. */
const { PrismaPg } = require('@prisma/adapter-pg');
const { parse: parseArray } = require('postgres-array');

const TEXT = 25;
const TEXT_ARRAY = 1009;
const asTexts = (literal) => parseArray(literal, String);
const asTimes = (literal) => parseArray(literal, (time) => time.replace(' ', 'T').replace(/\+00$/, '+00:00'));
/** Type in PostgreSQL's catalogue -> the type to report instead, and how to read a value of it. */
const READ_AS = new Map([
  [18, [TEXT]], // "char"
  [19, [TEXT]], // name
  [2205, [TEXT]], // regclass
  [1003, [TEXT_ARRAY, asTexts]], // name[]
  [1185, [TEXT_ARRAY, asTimes]], // timestamptz[]
]);

/** Teach the adapter, once in this process. */
function readMoreColumnTypes() {
  const queryable = Object.getPrototypeOf(PrismaPg.prototype);
  const { performIO } = queryable;
  queryable.performIO = async function performAndRead(query) {
    const result = await performIO.call(this, query);
    if (result.ok) result.value.fields.forEach((field, at) => readColumn(field, at, result.value.rows));
    return result;
  };
}

function readColumn(field, at, rows) {
  const [type, read] = READ_AS.get(field.dataTypeID) ?? [];
  if (!type) return;
  field.dataTypeID = type;
  if (!read) return;
  for (const row of rows) if (typeof row[at] === 'string') row[at] = read(row[at]);
}

module.exports = { readMoreColumnTypes };
