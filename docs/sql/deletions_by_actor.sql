-- Who deleted what, and how much of it. What the system deletes on a schedule (actor -1) is left out.
SELECT actor_id, max(actor_name) AS actor_name, source_type, count(*) AS deletions,
       min(created_at) AS first_at, max(created_at) AS last_at
FROM audit_logs
WHERE action IN ('destroy', 'permanently_destroy') AND actor_id <> -1
GROUP BY actor_id, source_type
ORDER BY deletions DESC, actor_id, source_type;
