-- When an account's periods begin and end.
-- depends: 0001.tables

-- First instant of the anchor day in the month that begins with p_month; the last day of shorter months.
CREATE FUNCTION solaris.anchor_v1(p_month date, p_time_zone text, p_anchor_day integer) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    last_day integer := extract(DAY FROM p_month + interval '1 month' - interval '1 day');
    midnight timestamp := p_month + least(p_anchor_day, last_day) - 1;
    instant timestamptz := midnight AT TIME ZONE p_time_zone;
BEGIN
    -- Where clocks go back over midnight it happens twice, and the day starts with the first.
    IF (instant - interval '1 hour') AT TIME ZONE p_time_zone = midnight THEN
        RETURN instant - interval '1 hour';
    END IF;
    RETURN instant;
END
$$;

-- The period in which an instant lies.
CREATE FUNCTION solaris.period_bounds_v1(
    p_at timestamptz, p_time_zone text, p_anchor_day integer, OUT starts timestamptz, OUT ends timestamptz
)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    month date := date_trunc('month', p_at AT TIME ZONE p_time_zone);
BEGIN
    starts := solaris.anchor_v1(month, p_time_zone, p_anchor_day);
    IF starts > p_at THEN
        month := month - interval '1 month';
        starts := solaris.anchor_v1(month, p_time_zone, p_anchor_day);
    END IF;
    ends := solaris.anchor_v1((month + interval '1 month')::date, p_time_zone, p_anchor_day);
END
$$;
