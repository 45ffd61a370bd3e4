'use strict';
/** Prisma Migrate's bookkeeping and its plain SQL files: what `migrate deploy`, `resolve` and `status` stand on. */
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const LOCK = 72707369; // the advisory lock that Prisma Migrate takes, so both kinds of engine keep each other out
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL, "checksum" VARCHAR(64) NOT NULL, "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL, "logs" TEXT, "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`;
const ROLL_BACK = `UPDATE "_prisma_migrations" SET rolled_back_at = now()
  WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`;

/** An error that Prisma's CLI, and LiteLLM behind it, knows by its code. */
class KnownError extends Error {
  constructor(code, message, meta = {}) {
    super(message);
    this.body = { is_panic: false, message, meta, error_code: code };
  }
}

const isApplied = (row) => row.finished_at && !row.rolled_back_at;
const isFailed = (row) => !row.finished_at && !row.rolled_back_at;

function migrationsIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).filter((name) => fs.existsSync(scriptOf(folder, name))).sort();
}
const scriptOf = (folder, name) => path.join(folder, name, 'migration.sql');
const checksumOf = (script) => crypto.createHash('sha256').update(script).digest('hex');

async function recorded(client) {
  const { rows } = await client.query(`SELECT to_regclass('"_prisma_migrations"') IS NOT NULL AS there`);
  if (!rows[0].there) return null;
  return (await client.query('SELECT * FROM "_prisma_migrations" ORDER BY started_at')).rows;
}

async function locked(client, work) {
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    return await work();
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => {});
  }
}

/** Apply what is missing, in order; stop at the first that fails and leave it recorded as failed. */
function applyMigrations(client, { migrationsDirectoryPath: folder }) {
  return locked(client, async () => {
    const rows = (await recorded(client)) ?? (await startRecords(client));
    refuseFailed(rows.filter(isFailed));
    const done = new Set(rows.filter(isApplied).map((row) => row.migration_name));
    const missing = migrationsIn(folder).filter((name) => !done.has(name));
    for (const name of missing) await applyOne(client, folder, name);
    return { appliedMigrationNames: missing };
  });
}

async function startRecords(client) {
  const { rows } = await client.query('SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = current_schema()');
  if (rows[0].tables) {
    throw new KnownError('P3005', 'The database schema is not empty. Read more about how to baseline an existing production database: https://pris.ly/d/migrate-baseline');
  }
  await client.query(CREATE_TABLE);
  return [];
}

function refuseFailed(failed) {
  if (!failed.length) return;
  const details = failed.map((row) => `The \`${row.migration_name}\` migration started at ${row.started_at.toISOString()} failed`).join('\n');
  throw new KnownError('P3009', `migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n${details}`, { details });
}

async function applyOne(client, folder, name) {
  const script = fs.readFileSync(scriptOf(folder, name));
  const id = crypto.randomUUID();
  await client.query('INSERT INTO "_prisma_migrations" (id, checksum, migration_name) VALUES ($1, $2, $3)', [id, checksumOf(script), name]);
  try {
    await client.query(script.toString('utf8')); // many statements in one message: one transaction, as Prisma does it
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    const said = `Migration name: ${name}\n\nDatabase error code: ${error.code}\n\nDatabase error:\nERROR: ${error.message}`;
    await client.query('UPDATE "_prisma_migrations" SET logs = $2 WHERE id = $1', [id, `A migration failed to apply. ${said}`]);
    const meta = { migration_name: name, database_error_code: String(error.code), database_error: `ERROR: ${error.message}` };
    throw new KnownError('P3018', `A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n\n${said}\n`, meta);
  }
  await client.query('UPDATE "_prisma_migrations" SET finished_at = now(), applied_steps_count = 1 WHERE id = $1', [id]);
}

function markMigrationApplied(client, { migrationsDirectoryPath: folder, migrationName: name }) {
  return locked(client, async () => {
    if (!migrationsIn(folder).includes(name)) {
      throw new KnownError('P3017', `The migration ${name} could not be found. Please make sure that the migration exists, and that you included the whole name of the directory. (example: "20201231000000_initial_migration")`, { migration_name: name });
    }
    await client.query(CREATE_TABLE);
    if ((await recorded(client)).some((row) => row.migration_name === name && isApplied(row))) {
      throw new KnownError('P3008', `The migration \`${name}\` is already recorded as applied in the database.`, { migration_name: name });
    }
    await client.query(ROLL_BACK, [name]);
    const checksum = checksumOf(fs.readFileSync(scriptOf(folder, name)));
    await client.query('INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at) VALUES ($1, $2, $3, now(), now())', [crypto.randomUUID(), checksum, name]);
    return {};
  });
}

function markMigrationRolledBack(client, { migrationName: name }) {
  return locked(client, async () => {
    const rows = ((await recorded(client)) ?? []).filter((row) => row.migration_name === name);
    if (!rows.length) {
      throw new KnownError('P3011', `Migration \`${name}\` cannot be rolled back because it was never applied to the database. Hint: did you pass in the whole migration name? (example: "20201207184859_initial_migration")`, { migration_name: name });
    }
    if (rows.some(isApplied)) {
      throw new KnownError('P3012', `Migration \`${name}\` cannot be rolled back because it is not in a failed state.`, { migration_name: name });
    }
    await client.query(ROLL_BACK, [name]);
    return {};
  });
}

async function diagnoseMigrationHistory(client, { migrationsDirectoryPath: folder }) {
  const rows = await recorded(client);
  const done = new Set((rows ?? []).filter(isApplied).map((row) => row.migration_name));
  const missing = migrationsIn(folder).filter((name) => !done.has(name));
  return {
    drift: null,
    history: missing.length ? { diagnostic: 'databaseIsBehind', unappliedMigrationNames: missing } : null,
    failedMigrationNames: (rows ?? []).filter(isFailed).map((row) => row.migration_name),
    editedMigrationNames: [],
    errorInUnappliedMigration: null,
    hasMigrationsTable: rows !== null,
  };
}

module.exports = {
  KnownError, migrationsIn, applyMigrations, markMigrationApplied, markMigrationRolledBack, diagnoseMigrationHistory,
};
