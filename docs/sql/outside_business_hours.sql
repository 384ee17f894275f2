-- What people did on Saturdays and Sundays, and before 8 or from 18 o'clock on, by the clocks of Berlin.
-- Put in your own time zone. Where created_at has a time zone of its own, leave out AT TIME ZONE 'UTC'.
SELECT created_at, local_time, actor_id, actor_name, ip_address, action, source_type, source_label
FROM (
  SELECT *, created_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' AS local_time
  FROM audit_logs
)
WHERE actor_id <> -1
  AND (isodow(local_time) > 5 OR hour(local_time) < 8 OR hour(local_time) >= 18)
ORDER BY created_at DESC, id;
