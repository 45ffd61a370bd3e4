-- Reports that are mailed again and again: which, when and to whom. Each is told of as an event, once for each period.
-- depends: 0058.system-events 0045.audit
--
-- Errors of our own: as in 0004.

CREATE TABLE solaris.report_schedules (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE, -- the same key adds one schedule
    report text NOT NULL CHECK (report IN ('user', 'team', 'model', 'plan', 'period', 'accounts')),
    every text NOT NULL CHECK (every IN ('week', 'month')),
    on_day integer NOT NULL CHECK (on_day BETWEEN 1 AND CASE every WHEN 'week' THEN 7 ELSE 28 END),
    format text NOT NULL CHECK (format IN ('csv', 'xlsx')),
    recipients text [] NOT NULL, -- none: the administrators of the settings
    locale text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    told_through date -- the last day of the latest report that was told of
);

-- What people see of a schedule.
CREATE FUNCTION solaris.schedule_fields_v1(s solaris.report_schedules) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'report', s.report, 'every', s.every, 'on', s.on_day, 'format', s.format,
        'recipients', to_jsonb(s.recipients), 'locale', s.locale);
END
$$;

-- Add a schedule, or find the one of this key.
CREATE FUNCTION solaris.add_report_schedule_v1(
    p_key text, p_report text, p_every text, p_on_day integer, p_format text, p_recipients text [], p_locale text,
    p_most integer, p_reason text, p_actor text, p_now timestamptz
) RETURNS solaris.report_schedules
LANGUAGE plpgsql AS $$
DECLARE
    s solaris.report_schedules;
    wanted solaris.report_schedules;
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    LOCK TABLE solaris.report_schedules IN SHARE ROW EXCLUSIVE MODE; -- few are ever added, and they are counted
    SELECT * INTO s FROM solaris.report_schedules AS each WHERE each.key = p_key;
    IF FOUND THEN
        wanted := s;
        wanted.report := p_report;
        wanted.every := p_every;
        wanted.on_day := p_on_day;
        wanted.format := p_format;
        wanted.recipients := p_recipients;
        wanted.locale := p_locale;
        IF wanted IS DISTINCT FROM s THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another schedule.', p_key USING ERRCODE = 'SH002';
        END IF;
        RETURN s;
    END IF;
    IF (SELECT count(*) >= p_most FROM solaris.report_schedules) THEN
        RAISE EXCEPTION 'There are % schedules already; remove one first.', p_most USING ERRCODE = 'SH003';
    END IF;
    INSERT INTO solaris.report_schedules (
        key, report, every, on_day, format, recipients, locale, created_by, created_at)
    VALUES (p_key, p_report, p_every, p_on_day, p_format, p_recipients, p_locale, p_actor, at)
    RETURNING * INTO s;
    PERFORM solaris.record_v1(
        'report_schedule.add', NULL, s.number::text, NULL, solaris.schedule_fields_v1(s), p_reason, p_actor, at);
    RETURN s;
END
$$;

-- Remove a schedule.
CREATE FUNCTION solaris.remove_report_schedule_v1(
    p_number bigint, p_reason text, p_actor text, p_now timestamptz
) RETURNS solaris.report_schedules
LANGUAGE plpgsql AS $$
DECLARE
    s solaris.report_schedules;
BEGIN
    DELETE FROM solaris.report_schedules AS each WHERE each.number = p_number RETURNING * INTO s;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no report schedule %.', p_number USING ERRCODE = 'SH004';
    END IF;
    PERFORM solaris.record_v1(
        'report_schedule.remove', NULL, s.number::text, solaris.schedule_fields_v1(s), NULL, p_reason, p_actor,
        coalesce(p_now, clock_timestamp()));
    RETURN s;
END
$$;

-- Tell of a schedule's report on some days, once. False where it was told of, or a later one was, or it was removed.
CREATE FUNCTION solaris.tell_scheduled_report_v1(
    p_number bigint, p_first_day date, p_last_day date, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    s solaris.report_schedules;
BEGIN
    UPDATE solaris.report_schedules AS each SET told_through = p_last_day
    WHERE each.number = p_number AND coalesce(each.told_through < p_last_day, TRUE)
    RETURNING * INTO s;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    RETURN solaris.emit_system_v1(
        '', 'report.scheduled', 'schedule:' || s.number || ':' || p_last_day,
        jsonb_build_object('schedule', s.number, 'first_day', p_first_day, 'last_day', p_last_day)
        || solaris.schedule_fields_v1(s), p_now);
END
$$;
