-- Teams: accounts that several members draw from, each within a limit of his own.
-- depends: 0041.hold_v3 0045.audit
--
-- Members are written by those alone who hold the lock on their team's account, as everything of an account is.
--
-- Errors of our own: as in 0004.

ALTER TABLE solaris.accounts
    -- Tokens that each member may use in a period, unless he has a limit of his own; null for no limit.
    ADD COLUMN member_limit bigint CHECK (member_limit BETWEEN 0 AND 1000000000000000),
    DROP CONSTRAINT accounts_account_id_check,
    -- What is there satisfies it already: it allows more than before.
    ADD CONSTRAINT accounts_account_id_check
    CHECK (account_id ~ '^(user|key|end_user|team):.' AND length(account_id) <= 300) NOT VALID;

CREATE TABLE solaris.members (
    account_id text NOT NULL CHECK (account_id LIKE 'team:_%'),
    member_id text NOT NULL CHECK (member_id ~ '^(user|key):.' AND length(member_id) <= 300),
    email text,
    -- Whether own_limit holds in place of the team's member_limit; if so, null is no limit.
    limit_is_own boolean NOT NULL DEFAULT false,
    own_limit bigint CHECK (own_limit BETWEEN 0 AND 1000000000000000),
    -- The team's period in which he used so much; of another period it is nothing.
    period_start timestamptz NOT NULL,
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    -- The highest mark of his limit that the chat has told him of in that period.
    told_percent smallint NOT NULL DEFAULT 0 CHECK (told_percent BETWEEN 0 AND 100),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, member_id),
    CONSTRAINT a_limit_of_ones_own CHECK (limit_is_own OR own_limit IS null)
) WITH (fillfactor = 50);
CREATE INDEX members_in_order ON solaris.members (account_id, member_id COLLATE "C");

ALTER TABLE solaris.holds ADD COLUMN member_id text;
ALTER TABLE solaris.usage ADD COLUMN member_id text;

-- As usage_daily, of each member.
CREATE TABLE solaris.member_daily (
    account_id text NOT NULL,
    member_id text NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charge bigint NOT NULL,
    PRIMARY KEY (account_id, member_id, day, model)
) WITH (fillfactor = 70);

-- As before, with the member whose hold it is.
CREATE OR REPLACE FUNCTION solaris.claim_expired_v1(p_limit integer, p_claim_seconds integer, p_now timestamptz)
RETURNS SETOF solaris.holds
LANGUAGE sql AS $$
    WITH expired AS (
        SELECT account_id, hold_id, lease_until AS ran_out FROM solaris.holds
        WHERE lease_until < coalesce(p_now, clock_timestamp())
        ORDER BY lease_until
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE solaris.holds AS h
        SET lease_until = coalesce(p_now, clock_timestamp()) + make_interval(secs => p_claim_seconds)
        FROM expired
        WHERE h.account_id = expired.account_id AND h.hold_id = expired.hold_id
        RETURNING
            h.account_id, h.hold_id, h.model, h.amount, h.prompt, h.available_before, h.held_at,
            h.lease_until, h.member_id, expired.ran_out
    )
    SELECT account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until, member_id
    FROM claimed
    ORDER BY ran_out, hold_id
$$;

-- A member as of the team's period, made if he is missing. The team's account is locked and as of now (a); the caller
-- stores the member.
CREATE FUNCTION solaris.member_v1(a solaris.accounts, p_member_id text, p_at timestamptz) RETURNS solaris.members
LANGUAGE plpgsql AS $$
DECLARE
    m solaris.members;
BEGIN
    SELECT * INTO m FROM solaris.members WHERE account_id = a.account_id AND member_id = p_member_id;
    IF NOT FOUND THEN
        INSERT INTO solaris.members (account_id, member_id, period_start, created_at)
        VALUES (a.account_id, p_member_id, a.period_start, p_at)
        RETURNING * INTO m;
    ELSIF m.period_start <> a.period_start THEN
        m.period_start := a.period_start;
        m.used := 0;
        m.told_percent := 0;
    END IF;
    RETURN m;
END
$$;

CREATE FUNCTION solaris.store_member_v1(m solaris.members) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE solaris.members SET
        email = m.email, limit_is_own = m.limit_is_own, own_limit = m.own_limit, period_start = m.period_start,
        used = m.used, held = m.held, told_percent = m.told_percent
    WHERE account_id = m.account_id AND member_id = m.member_id;
END
$$;

-- What a member may use in a period; null for no limit.
CREATE FUNCTION solaris.member_limit_v1(a solaris.accounts, m solaris.members) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN m.limit_is_own THEN m.own_limit ELSE a.member_limit END;
END
$$;
