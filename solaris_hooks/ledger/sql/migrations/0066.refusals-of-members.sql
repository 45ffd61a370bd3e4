-- Refusals say which member of a team was refused, so that he can read his own and nobody else's.
-- depends: 0060.teams 0065.refusals

-- Null of accounts that are no team's, and of what was refused before there was this column. write_refusals_v1 takes rows
-- as the table has them: a proxy of the version before leaves it null.
ALTER TABLE solaris.refusals ADD COLUMN member_id text;
CREATE INDEX refusals_of_member ON solaris.refusals (account_id, member_id, refusal_id) WHERE member_id IS NOT NULL;
