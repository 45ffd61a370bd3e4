-- What an administrator does to one account, and what its user sets for himself: use set back to zero, messages,
-- preferences.
-- depends: 0071.account-summaries 0043.change-plan 0048.compensation 0051.mails 0055.notices-back 0058.system-events
--
-- Errors of our own: as in 0004.

-- Not validated: what was written before keeps to the narrower rule that this one replaces.
ALTER TABLE solaris.entries
    DROP CONSTRAINT entries_kind_check,
    ADD CONSTRAINT entries_kind_check CHECK (kind IN (
        'opening', 'renewal', 'lapse', 'usage', 'overage', 'credit', 'credit_expiry', 'credit_revocation',
        'plan_change', 'reset', 'merge')) NOT VALID;

-- Whether the user wants to be told anything in the chat. What his plan says of it stays: both must say so.
ALTER TABLE solaris.accounts ADD COLUMN chat_notices boolean NOT NULL DEFAULT TRUE;

-- As before, but the user has a say in notices, too.
CREATE OR REPLACE FUNCTION solaris.adopt_terms_v1(a solaris.accounts, p solaris.plans, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    models json;
BEGIN
    IF a.adopted_plan_id IS DISTINCT FROM p.plan_id THEN
        a.adopted_plan_id := p.plan_id;
        a.trial_ends_at := p_at + make_interval(hours => 24 * p.trial_days);
        a.scheduled := NULL;
    END IF;
    a.plan_revision := p.revision;
    a.overdraft := coalesce((a.overrides -> 'overdraft' ->> 'value')::bigint, p.overdraft);
    a.max_in_flight := CASE WHEN a.overrides ? 'max_in_flight'
        THEN (a.overrides -> 'max_in_flight' ->> 'value')::integer ELSE p.max_in_flight END;
    a.notices := a.chat_notices AND coalesce((a.overrides -> 'notices' ->> 'value')::boolean, p.notices);
    a.thresholds := CASE WHEN a.overrides ? 'thresholds' THEN ARRAY(
        SELECT t::smallint
        FROM jsonb_array_elements_text(a.overrides -> 'thresholds' -> 'value') WITH ORDINALITY AS own (t, place)
        ORDER BY own.place) END;
    models := CASE WHEN a.overrides ? 'allowed_models'
        THEN nullif(a.overrides -> 'allowed_models' -> 'value', 'null')::json ELSE to_json(p.allowed_models) END;
    a.terms := CASE WHEN models IS NOT NULL OR p.weights IS NOT NULL
        THEN json_build_object('allowed_models', models, 'weights', p.weights)::text END;
    a.terms_until := least(
        a.trial_ends_at,
        (SELECT min((own.value ->> 'until')::timestamptz) FROM jsonb_each(a.overrides) AS own));
    RETURN a;
END
$$;

-- Let lists of accounts have the account's figures at once: they are told of use with the totals, a little later, and what
-- people change in it would not be told at all until the next call.
CREATE FUNCTION solaris.summarize_now_v1(p_account_id text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO solaris.account_summaries AS known
    SELECT s.* FROM solaris.accounts AS a CROSS JOIN LATERAL solaris.summary_v1(a) AS s
    WHERE a.account_id = p_account_id
    ON CONFLICT (account_id) DO UPDATE SET
        status = excluded.status, plan_id = excluded.plan_id, use_percent = excluded.use_percent, used = excluded.used,
        remaining = excluded.remaining, granted = excluded.granted, last_used_at = excluded.last_used_at;
END
$$;

-- News of use that is no news any longer is not told. The caller stores the account.
CREATE FUNCTION solaris.forget_use_notices_v1(a solaris.accounts, p_at timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
BEGIN
    IF a.unread_notices > 0 THEN
        UPDATE solaris.events AS e SET told_at = p_at
        WHERE e.account_id = a.account_id AND e.in_chat AND e.told_at IS NULL
            AND e.kind IN ('threshold.crossed', 'quota.exhausted');
        a.unread_notices := (
            SELECT count(*) FROM solaris.events AS e
            WHERE e.account_id = a.account_id AND e.in_chat AND e.told_at IS NULL);
    END IF;
    RETURN a;
END
$$;

-- Set the use of this period back to zero, once for each key: the allowance is granted back as far as it was used, and
-- what is owed is forgiven. Credits that were used stay used, but count no longer as use of this period. The renewal
-- stays where it is. Where nothing was used, nothing is written, and the key can be used again.
CREATE FUNCTION solaris.reset_period_v1(
    p_account_id text, p_reason text, p_actor text, p_key text, p_now timestamptz,
    OUT tokens bigint, OUT replayed boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    before jsonb;
BEGIN
    SELECT e.tokens INTO tokens FROM solaris.entries AS e
    WHERE e.account_id = p_account_id AND e.idempotency_key = 'reset:' || p_key;
    replayed := FOUND;
    IF NOT replayed THEN
        tokens := account.allowance_used + account.overage;
        IF tokens + account.credits_used > 0 THEN
            before := jsonb_build_object(
                'allowance_used', account.allowance_used, 'credits_used', account.credits_used,
                'overage', account.overage);
            account.allowance_used := 0;
            account.credits_used := 0;
            account.overage := 0;
            account := solaris.append_entry_v1(
                account, 'reset', tokens, at, p_actor, p_reason, 'reset:' || p_key,
                json_build_object(
                    'allowance_used', before -> 'allowance_used', 'credits_used', before -> 'credits_used',
                    'overage_forgiven', before -> 'overage'));
            IF account.alert_level > 0 THEN
                account.alert_level := 0;
                account.alert_round := account.alert_round + 1;
            END IF;
            account := solaris.forget_use_notices_v1(account, at);
            account := solaris.emit_v1(
                account, 'period.reset', 'reset:' || p_key, at,
                jsonb_build_object('tokens', tokens, 'reason', p_reason), TRUE);
            PERFORM solaris.record_v1(
                'account.reset', p_account_id, p_account_id, before,
                jsonb_build_object('allowance_used', 0, 'credits_used', 0, 'overage', 0), p_reason, p_actor, at);
        END IF;
    END IF;
    PERFORM solaris.store_account_v1(account);
    PERFORM solaris.summarize_now_v1(p_account_id);
END
$$;

-- Send a message to the account's user, once for each key. Outcomes: sent; replayed; limited where enough were sent
-- within 24 hours; unreachable where he has neither of the ways that were asked for. chat and mail say which ways it goes.
CREATE FUNCTION solaris.send_message_v1(
    p_account_id text, p_text text, p_in_chat boolean, p_by_mail boolean, p_most_a_day integer,
    p_reason text, p_actor text, p_key text, p_now timestamptz,
    OUT outcome text, OUT chat boolean, OUT mail boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    a_day_ago timestamptz := at - interval '24 hours';
    first jsonb;
BEGIN
    chat := p_in_chat AND account.notices;
    mail := p_by_mail AND account.mails AND coalesce(account.email, '') <> '';
    SELECT e.details INTO first FROM solaris.events AS e
    WHERE e.account_id = p_account_id AND e.key = 'message:' || p_key;
    IF FOUND THEN
        IF first ->> 'text' <> p_text THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another message.', p_key USING ERRCODE = 'SH002';
        END IF;
        outcome := 'replayed';
        chat := (first ->> 'chat')::boolean;
        mail := (first ->> 'mail')::boolean;
    ELSIF NOT (chat OR mail) THEN
        outcome := 'unreachable';
    ELSIF p_most_a_day <= (
        SELECT count(*) FROM solaris.events AS e
        WHERE e.account_id = p_account_id AND e.kind = 'message.sent' AND e.at > a_day_ago
    ) THEN
        outcome := 'limited';
        chat := FALSE;
        mail := FALSE;
    ELSE
        outcome := 'sent';
        account := solaris.emit_v1(
            account, 'message.sent', 'message:' || p_key, at,
            jsonb_build_object('text', p_text, 'chat', chat, 'mail', mail), chat);
        PERFORM solaris.record_v1(
            'message.send', p_account_id, p_account_id, NULL,
            jsonb_build_object('text', p_text, 'chat', chat, 'mail', mail), p_reason, p_actor, at);
    END IF;
    PERFORM solaris.store_account_v1(account);
END
$$;

CREATE FUNCTION solaris.preferences_v1(a solaris.accounts) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object('locale', a.locale, 'mails', a.mails, 'chat_notices', a.chat_notices);
END
$$;

-- Set what a user decides for himself; null leaves a field as it is.
CREATE FUNCTION solaris.set_preferences_v1(
    p_account_id text, p_locale text, p_mails boolean, p_chat_notices boolean, p_reason text, p_actor text,
    p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    before jsonb := solaris.preferences_v1(account);
    after jsonb;
BEGIN
    account.locale := coalesce(p_locale, account.locale);
    account.mails := coalesce(p_mails, account.mails);
    account.chat_notices := coalesce(p_chat_notices, account.chat_notices);
    account := solaris.adopt_terms_v1(account, solaris.plan_v1(account.plan_id), at);
    after := solaris.preferences_v1(account);
    IF before <> after THEN
        PERFORM solaris.record_v1(
            'account.preferences', p_account_id, p_account_id, solaris.differing_v1(before, after),
            solaris.differing_v1(after, before), p_reason, p_actor, at);
    END IF;
    UPDATE solaris.accounts AS a SET mails = account.mails, chat_notices = account.chat_notices
    WHERE a.account_id = p_account_id;
    PERFORM solaris.store_terms_v1(account);
    PERFORM solaris.store_account_v1(account);
END
$$;
