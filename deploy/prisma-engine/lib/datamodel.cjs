'use strict';
/** What the engines need to know of a Prisma schema file: its models' field types and its database's URL. */

/** Model name -> (field name -> type name). */
function readModels(datamodel) {
  const models = new Map();
  for (const [, name, body] of datamodel.matchAll(/^(?:model|view|type)\s+(\w+)\s*\{([^]*?)^\}/gm)) {
    models.set(name, new Map([...body.matchAll(/^\s+(\w+)\s+(\w+)/gm)].map(([, field, type]) => [field, type])));
  }
  return models;
}

/** The URL in a schema's datasource block, from the environment where the block says so. */
function datasourceUrl(datamodel, env = process.env) {
  const found = /datasource\s+\w+\s*\{[^}]*?\n\s*url\s*=\s*(?:env\(\s*"([^"]+)"\s*\)|"([^"]+)")/.exec(datamodel);
  const url = found && (found[1] ? env[found[1]] : found[2]);
  if (!url) throw new Error(`no database URL${found?.[1] ? ` in ${found[1]}` : ''}`);
  return url;
}

/** The same, unless the client overrides it (plain or base64 JSON in OVERWRITE_DATASOURCES). */
function effectiveUrl(datamodel, env = process.env) {
  const given = env.OVERWRITE_DATASOURCES;
  if (given) {
    const text = given.trimStart().startsWith('[') ? given : Buffer.from(given, 'base64').toString();
    const url = JSON.parse(text)[0]?.url;
    if (url) return url;
  }
  return datasourceUrl(datamodel, env);
}

/** The schema as the WASM engine wants it: the one generator that switches driver adapters on. */
function forDriverAdapters(datamodel) {
  const generator = 'generator js {\n  provider = "prisma-client-js"\n  previewFeatures = ["driverAdapters"]\n}\n';
  return `${datamodel.replace(/generator\s+\w+\s*\{[^}]*\}/g, '')}\n${generator}`;
}

module.exports = { readModels, datasourceUrl, effectiveUrl, forDriverAdapters };
