-- The number of deletions by user and source_type. Scheduled deletions by the system are excluded.
select
  actor_id,
  max(actor_name) as actor_name,
  source_type,
  count(*) as deletions,
  min(created_at) as first_at,
  max(created_at) as last_at
from {{ ref('stg_zendesk__audit_logs') }}
where action in ('destroy', 'permanently_destroy') and actor_kind = 'user'
group by actor_id, source_type
