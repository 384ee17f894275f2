-- The ten people with the most events, on how many days, and from how many addresses.
SELECT actor_id, max(actor_name) AS actor_name, count(*) AS events,
       count(DISTINCT created_at::DATE) AS days, count(DISTINCT ip_address) AS addresses,
       max(created_at) AS last_at
FROM audit_logs
WHERE actor_id <> -1
GROUP BY actor_id
ORDER BY events DESC, actor_id
LIMIT 10;
