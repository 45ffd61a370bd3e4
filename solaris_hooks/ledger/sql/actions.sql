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
