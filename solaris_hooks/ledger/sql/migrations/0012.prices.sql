-- Calls that are paid by the unit (image, second, character, call) are booked with source 'price'.
-- depends: 0010.growth

ALTER TABLE solaris.usage DROP CONSTRAINT usage_source_check;

-- Every old row passes, so none is looked at.
ALTER TABLE solaris.usage ADD CONSTRAINT usage_source_check
CHECK (source IN ('provider', 'estimate', 'price', 'spend_log', 'sweep')) NOT VALID;
