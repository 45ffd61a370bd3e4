'use strict';
/**
 * Marks the values of Json fields in a query.
 *
 * prisma-client-py sends a Json field as serialised text. In the JSON protocol a bare string there means a JSON
 * *string*, which would be stored as such without any error; `{$type: "Json"}` says that it is JSON already.
 */
const OPERATORS_WITH_JSON = new Set([
  'set', 'push', 'equals', 'not', 'in', 'notIn', 'lt', 'lte', 'gt', 'gte',
  'array_contains', 'array_starts_with', 'array_ends_with',
]);
const ARGUMENTS_WITH_FIELDS = ['where', 'data', 'create', 'update', 'having', 'cursor'];

function markJson(value) {
  if (typeof value === 'string') return { $type: 'Json', value };
  if (typeof value === 'number' || typeof value === 'boolean') return { $type: 'Json', value: JSON.stringify(value) };
  if (Array.isArray(value)) return value.map(markJson);
  if (value === null || value.$type) return value;
  return mapValues(value, (inner, key) => (OPERATORS_WITH_JSON.has(key) ? markJson(inner) : inner));
}

function markFields(models, model, value) {
  if (Array.isArray(value)) return value.map((item) => markFields(models, model, item));
  if (value === null || typeof value !== 'object' || value.$type) return value;
  return mapValues(value, (inner, key) => {
    const type = models.get(model)?.get(key);
    if (type === 'Json') return markJson(inner);
    // A relation leads into another model; AND, OR, create, connect and the like stay in this one.
    return markFields(models, models.has(type) ? type : model, inner);
  });
}

/** Mark the arguments of one operation on a model. */
function markArguments(models, model, args) {
  return mapValues(args, (value, name) => (ARGUMENTS_WITH_FIELDS.includes(name) ? markFields(models, model, value) : value));
}

/** Mark the arguments of the relations that a selection includes. */
function markSelection(models, model, selection) {
  return mapValues(selection, (value, field) => {
    const type = models.get(model)?.get(field);
    if (value === true || !models.has(type)) return value;
    return { arguments: markArguments(models, type, value.arguments), selection: markSelection(models, type, value.selection) };
  });
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}

module.exports = { markArguments, markSelection };
