-- The first sign-in of an actor from an address, once the actor has been known for 30 days: in its first days every
-- address is new. Where people's addresses change daily, compare networks in the place of addresses.
WITH first_sign_ins AS (
  SELECT actor_id, max(actor_name) AS actor_name, ip_address, min(created_at) AS first_at, count(*) AS sign_ins
  FROM audit_logs
  WHERE action = 'login' AND actor_id IS NOT NULL AND ip_address IS NOT NULL
  GROUP BY actor_id, ip_address
)
SELECT first_at, actor_id, actor_name, ip_address, sign_ins
FROM first_sign_ins
QUALIFY first_at >= min(first_at) OVER (PARTITION BY actor_id) + INTERVAL 30 DAY
ORDER BY first_at DESC, actor_id, ip_address;
