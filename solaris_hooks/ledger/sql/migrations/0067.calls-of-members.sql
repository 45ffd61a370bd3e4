-- A member of a team reads the calls that were booked to him, without a look at those of others.
-- depends: 0061.metering-of-members

-- Partial, so that accounts of single users do not pay for it.
CREATE INDEX usage_of_member ON solaris.usage (account_id, member_id, hold_id) WHERE member_id IS NOT NULL;
