'use strict';
/** Turns a GraphQL-like query, as prisma-client-py sends it, into Prisma's JSON protocol. */
const { parse } = require('graphql');
const { markArguments, markSelection } = require('./json-fields.cjs');

const ACTION =
  /^(findUnique|findFirst|findMany|createOne|createManyAndReturn|createMany|updateOne|updateMany|upsertOne|deleteOne|deleteMany|aggregate|groupBy)(.+?)(OrThrow)?$/;

/**
 * @returns {{key: string, isRaw: boolean, query: object}} the name under which the client expects the result, whether
 *   it is a raw SQL query, and the query in the JSON protocol
 */
function toJsonQuery(models, text) {
  const [operation, ...more] = parse(text, { noLocation: true }).definitions;
  const [field, ...others] = operation.selectionSet.selections;
  if (more.length || others.length) throw new Error('a query has one root field');
  const name = field.name.value;
  const key = field.alias?.value ?? name;
  const args = argumentsOf(field);
  const selection = selectionOf(field.selectionSet);
  if (name === 'queryRaw' || name === 'executeRaw') {
    return { key, isRaw: true, query: { action: name, query: { arguments: args, selection } } };
  }
  const found = ACTION.exec(name);
  if (!found) throw new Error(`unknown operation: ${name}`);
  const [, action, model, orThrow = ''] = found;
  const query = { arguments: markArguments(models, model, args), selection: markSelection(models, model, selection) };
  return { key, isRaw: false, query: { modelName: model, action: action + orThrow, query } };
}

const argumentsOf = (node) => Object.fromEntries((node.arguments ?? []).map((a) => [a.name.value, valueOf(a.value)]));

function selectionOf(set) {
  const fields = (set?.selections ?? []).map((field) => {
    const plain = !field.selectionSet && !field.arguments?.length;
    return [field.name.value, plain || { arguments: argumentsOf(field), selection: selectionOf(field.selectionSet) }];
  });
  return Object.fromEntries(fields);
}

function valueOf(node) {
  switch (node.kind) {
    case 'IntValue': {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : { $type: 'BigInt', value: node.value };
    }
    case 'FloatValue':
      return Number(node.value);
    case 'StringValue':
    case 'EnumValue':
    case 'BooleanValue':
      return node.value;
    case 'NullValue':
      return null;
    case 'ListValue':
      return node.values.map(valueOf);
    case 'ObjectValue':
      return Object.fromEntries(node.fields.map((field) => [field.name.value, valueOf(field.value)]));
    default:
      throw new Error(`unsupported value in a query: ${node.kind}`);
  }
}

module.exports = { toJsonQuery };
