'use strict';
/**
 * A Prisma connection URL in node-postgres' terms: address, pool, session settings and TLS.
 *
 * Prisma's names differ from libpq's: its `sslcert` is the authority's certificate, and the client's own comes as a
 * PKCS #12 file in `sslidentity`.
 */
const fs = require('node:fs');
const os = require('node:os');
const { Client, Pool } = require('pg');

const DEFAULT_SECONDS = { connect_timeout: 5, pool_timeout: 10, max_idle_connection_lifetime: 300 };
const NO_TLS_HERE = /server does not support SSL/i;

/** Read a URL; nothing is opened. */
function readUrl(text) {
  const url = new URL(text);
  const given = url.searchParams;
  const seconds = (name) => (given.has(name) ? Number(given.get(name)) : DEFAULT_SECONDS[name]);
  return {
    // Prisma's default, never the server's: with a schema of the user's own name, that would be another one.
    schema: given.get('schema') ?? 'public',
    tls: tlsOptions(given),
    poolSeconds: seconds('pool_timeout'),
    client: {
      host: given.get('host') ?? (decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '') || 'localhost'),
      port: Number(url.port || 5432),
      user: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
      database: decodeURIComponent(url.pathname.slice(1)) || undefined,
      application_name: given.get('application_name') ?? undefined,
      options: given.get('options') ?? undefined,
      connectionTimeoutMillis: seconds('connect_timeout') * 1000,
      keepAlive: true,
    },
    pool: {
      max: Number(given.get('connection_limit')) || os.cpus().length * 2 + 1,
      idleTimeoutMillis: seconds('max_idle_connection_lifetime') * 1000,
      maxLifetimeSeconds: Number(given.get('max_connection_lifetime')) || undefined,
    },
  };
}

/** What `sslmode` and its kin ask for: `off`, `prefer` or `require`, and node's TLS options. */
function tlsOptions(given) {
  const mode = given.get('sslmode') ?? 'prefer';
  if (mode === 'disable') return { use: 'off' };
  const strict = given.get('sslaccept') === 'strict' || mode.startsWith('verify');
  const read = (name) => (given.get(name) ? fs.readFileSync(given.get(name)) : undefined);
  const options = { rejectUnauthorized: strict, ca: read('sslrootcert') ?? read('sslcert'), pfx: read('sslidentity') };
  if (given.get('sslpassword')) options.passphrase = given.get('sslpassword');
  // verify-ca trusts whoever the authority signed for, under any name.
  if (mode === 'verify-ca') options.checkServerIdentity = () => undefined;
  return { use: mode === 'prefer' && !strict ? 'prefer' : 'require', options };
}

/** Whether the server that a URL names will be spoken to over TLS; `prefer` has to ask it. */
async function chooseTls({ client, tls }) {
  if (tls.use === 'off' || client.host.startsWith('/')) return false;
  if (tls.use === 'require') return tls.options;
  const probe = new Client({ ...client, ssl: tls.options });
  probe.on('error', () => {});
  try {
    await probe.connect();
    return tls.options;
  } catch (error) {
    if (NO_TLS_HERE.test(error.message)) return false;
    throw error;
  } finally {
    await probe.end().catch(() => {});
  }
}

/** What each new session is told first. Not in the startup packet: poolers refuse what they do not know there. */
function sessionSettings(schema) {
  // The adapter reads timestamps as if they were UTC.
  return `SET TimeZone TO 'UTC'; SET search_path TO "${schema.replaceAll('"', '""')}"`;
}

async function openPool(text, onError) {
  const read = readUrl(text);
  const ssl = await chooseTls(read);
  const settings = sessionSettings(read.schema);
  const pool = new Pool({
    ...read.client,
    ...read.pool,
    ssl,
    connectionTimeoutMillis: read.poolSeconds * 1000, // node-postgres: how long a query waits for a connection
    verify: (client, done) => client.query(settings).then(() => done(), done),
  });
  pool.on('error', onError);
  await pool.query('SELECT 1').catch(async (error) => {
    await pool.end();
    throw error;
  });
  return { pool, schema: read.schema };
}

async function openClient(text, database) {
  const read = readUrl(text);
  const named = { ...read, client: { ...read.client, ...(database ? { database } : {}) } };
  const client = new Client({ ...named.client, ssl: await chooseTls(named) });
  client.on('error', () => {}); // the query under way fails with the same error
  await client.connect();
  if (!database) await client.query(`CREATE SCHEMA IF NOT EXISTS ${client.escapeIdentifier(read.schema)}`);
  await client.query(sessionSettings(read.schema));
  return client;
}

/** A failure to connect, as Prisma's error codes; `final` where trying again cannot help. */
function connectionError(error, text) {
  const { client } = readUrl(text);
  const at = `${client.host}:${client.port}`;
  if (error.code === '3D000') {
    const message = `Database \`${client.database}\` does not exist on the database server at \`${at}\`.`;
    return { code: 'P1003', message, meta: { database_name: client.database }, final: true };
  }
  if (error.code === '28P01' || error.code === '28000') {
    const message = `Authentication failed against database server at \`${client.host}\`, the provided database credentials for \`${client.user}\` are not valid.`;
    return { code: 'P1000', message, meta: { database_user: client.user }, final: true };
  }
  const message = `Can't reach database server at \`${at}\`: ${error.message}`;
  return { code: 'P1001', message, meta: { database_host: client.host, database_port: client.port }, final: false };
}

module.exports = { readUrl, chooseTls, openPool, openClient, connectionError };
