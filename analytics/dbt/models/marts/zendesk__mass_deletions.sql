-- Actors who deleted at least zendesk_mass_deletion_threshold objects within a clock hour. The event of a row is the first
-- deletion of that hour, so that it stays the same when more deletions follow.
with deletions as (

  select
    audit_log_key,
    row_number() over (
      partition by actor_id, {{ dbt.date_trunc('hour', 'created_at') }} order by created_at, audit_log_key
    ) as deletion_number,
    count(*) over (partition by actor_id, {{ dbt.date_trunc('hour', 'created_at') }}) as deletions
  from {{ ref('stg_zendesk__audit_logs') }}
  where action in ('destroy', 'permanently_destroy') and actor_kind = 'user' and created_at is not null

)

select
  {{ zendesk_event_columns('events') }},
  deletions.deletions
from {{ ref('stg_zendesk__audit_logs') }} as events
inner join deletions on deletions.audit_log_key = events.audit_log_key
where deletions.deletion_number = 1 and deletions.deletions >= {{ var('zendesk_mass_deletion_threshold') }}
