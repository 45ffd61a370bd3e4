// Validates librechat.yaml files by LibreChat's own schema: `node check.mjs FILE...`.
// The schema drops what it does not know, below the top; that counts as an error here.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { configSchema } = require('librechat-data-provider');
const { load } = require('js-yaml');

function* dropped(given, kept, path) {
  if (given === null || typeof given !== 'object') return;
  for (const [name, value] of Object.entries(given)) {
    const here = [...path, name];
    if (kept === null || typeof kept !== 'object' || !(name in kept)) yield `${here.join('.')}: LibreChat does not know this`;
    else yield* dropped(value, kept[name], here);
  }
}

function flawsOf(config) {
  const read = configSchema.strict().safeParse(config);
  if (read.success) return [...dropped(config, read.data, [])];
  return read.error.issues.map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`);
}

for (const file of process.argv.slice(2)) {
  for (const flaw of flawsOf(load(readFileSync(file, 'utf8')))) {
    process.exitCode = 1;
    console.error(`${file}: ${flaw}`);
  }
}
