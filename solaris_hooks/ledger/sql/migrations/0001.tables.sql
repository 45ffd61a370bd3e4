-- The ledger's tables. Every hot table leads its key with the account, so that the same
-- schema distributes over Citus. Tokens are bigint and booked (weighted); times are UTC.
--
-- Accounts are written by the functions of the schema alone, which lock the account's row first. So no
-- foreign keys from the hot tables to it: each would cost another look-up for every call.

CREATE TABLE solaris.plans (
    plan_id text PRIMARY KEY CHECK (plan_id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    monthly_tokens bigint NOT NULL CHECK (monthly_tokens BETWEEN 0 AND 1000000000000000),
    thresholds smallint[] NOT NULL DEFAULT '{80,95,100}'
        CHECK (cardinality(thresholds) <= 20 AND 1 <= ALL (thresholds) AND 100 >= ALL (thresholds)),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT 'system'
);

INSERT INTO solaris.plans (plan_id, monthly_tokens) VALUES ('default', 1000000);

CREATE TABLE solaris.accounts (
    account_id text PRIMARY KEY CHECK (account_id ~ '^(user|key|end_user):.' AND length(account_id) <= 300),
    plan_id text NOT NULL REFERENCES solaris.plans,
    -- The plan's monthly tokens when this account last took them over; differs after the plan was changed.
    plan_tokens bigint NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'blocked', 'pending')),
    status_reason text,
    email text,
    name text,
    locale text NOT NULL,
    time_zone text NOT NULL,
    anchor_day smallint NOT NULL CHECK (anchor_day BETWEEN 1 AND 31),
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    allowance_granted bigint NOT NULL,
    allowance_used bigint NOT NULL DEFAULT 0,
    credits_remaining bigint NOT NULL DEFAULT 0 CHECK (credits_remaining >= 0),
    credits_used bigint NOT NULL DEFAULT 0 CHECK (credits_used >= 0),
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    overage bigint NOT NULL DEFAULT 0 CHECK (overage >= 0),
    -- When the next credit lot expires, so that most calls need not look.
    next_lot_expiry timestamptz,
    -- Number and digest of the newest entry: the end of this account's chain.
    entries bigint NOT NULL DEFAULT 0 CHECK (entries >= 0),
    chain bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(chain) = 32),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT period_is_a_span CHECK (period_end > period_start),
    CONSTRAINT allowance_used_is_part_of_granted CHECK (allowance_used BETWEEN 0 AND allowance_granted),
    CONSTRAINT overage_only_when_nothing_remains
        CHECK (overage = 0 OR (allowance_used = allowance_granted AND credits_remaining = 0))
) WITH (fillfactor = 50); -- room for updates in place: every call changes its account twice

CREATE TABLE solaris.holds (
    account_id text NOT NULL,
    hold_id uuid NOT NULL,
    model text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    prompt bigint NOT NULL CHECK (prompt >= 0),
    available_before bigint NOT NULL,
    held_at timestamptz NOT NULL,
    lease_until timestamptz NOT NULL,
    PRIMARY KEY (account_id, hold_id),
    CONSTRAINT never_more_than_available CHECK (amount <= available_before)
);
CREATE INDEX holds_by_lease ON solaris.holds (lease_until);

CREATE TABLE solaris.entries (
    account_id text NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    kind text NOT NULL CHECK (kind IN (
        'opening', 'renewal', 'lapse', 'usage', 'overage', 'credit', 'credit_expiry', 'plan_change')),
    tokens bigint NOT NULL,
    allowance_after bigint NOT NULL CHECK (allowance_after >= 0),
    credits_after bigint NOT NULL CHECK (credits_after >= 0),
    overage_after bigint NOT NULL CHECK (overage_after >= 0),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    idempotency_key text NOT NULL,
    -- json, not jsonb: the digest is over the text as written.
    details json NOT NULL,
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (account_id, number),
    UNIQUE (account_id, idempotency_key)
);

CREATE FUNCTION solaris.refuse_change_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'solaris.entries is append-only: post a correcting entry instead of a %', tg_op
        USING ERRCODE = 'SH006';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON solaris.entries
FOR EACH ROW EXECUTE FUNCTION solaris.refuse_change_v1();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON solaris.entries
FOR EACH STATEMENT EXECUTE FUNCTION solaris.refuse_change_v1();
REVOKE UPDATE, DELETE, TRUNCATE ON solaris.entries FROM public;

CREATE TABLE solaris.credit_lots (
    account_id text NOT NULL,
    lot_id uuid NOT NULL,
    tokens bigint NOT NULL CHECK (tokens > 0),
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND tokens),
    origin text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (account_id, lot_id)
);

-- One row for each call that ended, partitioned by month through the time inside the UUIDv7 hold id:
-- so the key stays (account, hold), and old months can be detached.
CREATE TABLE solaris.usage (
    account_id text NOT NULL,
    hold_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('settled', 'released')),
    model text NOT NULL,
    source text CHECK (source IN ('provider', 'estimate', 'spend_log', 'sweep')),
    charge bigint NOT NULL CHECK (charge >= 0),
    overage bigint NOT NULL CHECK (overage BETWEEN 0 AND charge),
    input_tokens bigint NOT NULL CHECK (input_tokens >= 0),
    cached_input_tokens bigint NOT NULL CHECK (cached_input_tokens BETWEEN 0 AND input_tokens),
    output_tokens bigint NOT NULL CHECK (output_tokens >= 0),
    reasoning_tokens bigint NOT NULL CHECK (reasoning_tokens BETWEEN 0 AND output_tokens),
    -- What was held for it; null where the hold was lost before it settled.
    held bigint,
    held_at timestamptz,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, hold_id)
) PARTITION BY RANGE (hold_id);
CREATE TABLE solaris.usage_default PARTITION OF solaris.usage DEFAULT;

-- Kept in the settle transaction, so that pages never scan usage.
CREATE TABLE solaris.usage_daily (
    account_id text NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charge bigint NOT NULL,
    PRIMARY KEY (account_id, day, model)
) WITH (fillfactor = 70);
