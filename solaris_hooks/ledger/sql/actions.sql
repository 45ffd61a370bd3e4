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
