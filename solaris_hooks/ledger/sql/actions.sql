-- Statements of what people do to accounts; the same form as queries.sql.

-- reset_period --
-- Set the use of this period back to zero; see reset_period_v1.
SELECT tokens, replayed
FROM solaris.reset_period_v1(%(account_id)s, %(reason)s, %(actor)s, %(key)s, %(now)s);

-- send_message --
-- Send a message to one account's user; see send_message_v1.
SELECT outcome, chat, mail
FROM solaris.send_message_v1(
    %(account_id)s, %(text)s, %(in_chat)s, %(by_mail)s, %(most_a_day)s, %(reason)s, %(actor)s, %(key)s, %(now)s);

-- preferences --
-- What a user has set for himself.
SELECT locale, mails, chat_notices FROM solaris.accounts WHERE account_id = %(account_id)s;

-- set_preferences --
-- Set what a user decides for himself; see set_preferences_v1.
SELECT solaris.set_preferences_v1(
    %(account_id)s, %(locale)s, %(mails)s, %(chat_notices)s, %(reason)s, %(actor)s, %(now)s) AS done;

-- merge_accounts --
-- Merge one account into another, or try it; see merge_accounts_v1.
SELECT moved, replayed
FROM solaris.merge_accounts_v1(
    %(source)s, %(target)s, %(move_use)s, %(dry_run)s, %(reason)s, %(actor)s, %(key)s, %(now)s);

-- merged_into --
-- The account that pays for one that is out of use; see merged_into_v1.
SELECT solaris.merged_into_v1(%(account_id)s) AS account_id;

-- finish_merge --
-- Move what requests of a merged account left; see finish_merge_v1.
SELECT solaris.finish_merge_v1(%(now)s) AS account_id;

-- erase_account --
-- Forget the person of an account; see erase_account_v1.
SELECT solaris.erase_account_v1(%(account_id)s, %(reason)s, %(actor)s, %(now)s) AS erased;

-- select_accounts --
-- Accounts that a filter finds, in order of id; those that were merged into others are nobody's any more.
SELECT a.account_id, a.plan_id, a.status, a.notices, a.mails AND coalesce(a.email, '') <> '' AS mailed,
    a.overage > 0 OR (a.allowance_used > 0 AND a.period_end > coalesce(%(now)s::timestamptz, now())) AS used
FROM solaris.find_accounts_v1(%(query)s, NULL, 1000000000) AS f (account_id)
JOIN solaris.accounts AS a ON f.account_id = a.account_id
JOIN solaris.account_summaries AS s ON f.account_id = s.account_id
WHERE (%(plan)s::text IS NULL OR a.plan_id = %(plan)s) AND (%(status)s::text IS NULL OR a.status = %(status)s)
    AND (%(percent_from)s::integer IS NULL OR s.use_percent >= %(percent_from)s)
    AND (%(percent_below)s::integer IS NULL OR s.use_percent < %(percent_below)s)
    AND (%(used_after)s::timestamptz IS NULL OR s.last_used_at >= %(used_after)s)
    AND (%(used_before)s::timestamptz IS NULL OR s.last_used_at < %(used_before)s)
    AND a.merged_into IS NULL
ORDER BY a.account_id COLLATE "C"
LIMIT %(limit)s;

-- named_accounts --
-- Accounts by id, in order of id.
SELECT a.account_id, a.plan_id, a.status, a.notices, a.mails AND coalesce(a.email, '') <> '' AS mailed,
    a.overage > 0 OR (a.allowance_used > 0 AND a.period_end > coalesce(%(now)s::timestamptz, now())) AS used
FROM solaris.accounts AS a
WHERE a.account_id = ANY(%(account_ids)s)
ORDER BY a.account_id COLLATE "C";

-- begin_batch --
-- Begin a batch, or find it; see begin_batch_v1.
SELECT solaris.begin_batch_v1(
    %(batch_id)s, %(key)s, %(action)s, %(selection)s, %(account_ids)s, %(reason)s, %(actor)s, %(now)s) AS batch_id;

-- batch_of_key --
-- The batch of a key.
SELECT batch_id FROM solaris.batches WHERE key = %(key)s;

-- do_next --
-- Do the next account of a batch; see do_next_v1.
SELECT solaris.do_next_v1(%(batch_id)s, %(lot_id)s, %(most_a_day)s, %(actor)s, %(now)s) AS outcome;

-- batches --
-- Batches, newest first, with how many accounts came to what.
SELECT
    b.batch_id, b.number, b.key, b.action::text AS action, b.reason, b.actor, b.at,
    (SELECT jsonb_object_agg(each.outcome, each.accounts) FROM (
        SELECT coalesce(i.outcome, 'waiting') AS outcome, count(*) AS accounts
        FROM solaris.batch_items AS i WHERE i.batch_id = b.batch_id
        GROUP BY i.outcome) AS each) AS outcomes
FROM solaris.batches AS b
WHERE (%(batch_id)s::uuid IS NULL OR b.batch_id = %(batch_id)s) AND (%(before)s::bigint IS NULL OR b.number < %(before)s)
ORDER BY b.number DESC
LIMIT %(limit)s;

-- batch_items --
-- Accounts of a batch, in order of id.
SELECT i.account_id, i.outcome, i.message, i.at
FROM solaris.batch_items AS i
WHERE i.batch_id = %(batch_id)s AND (%(outcome)s::text IS NULL OR coalesce(i.outcome, 'waiting') = %(outcome)s)
    AND (%(after)s::text IS NULL OR i.account_id COLLATE "C" > %(after)s)
ORDER BY i.account_id COLLATE "C"
LIMIT %(limit)s;

-- undo --
-- Undo what a row of the audit trail tells of; see undo_v1.
SELECT solaris.undo_v1(%(number)s, %(reason)s, %(actor)s, %(now)s) AS number;
