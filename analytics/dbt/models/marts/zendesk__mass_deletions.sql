-- Actors who deleted at least zendesk_mass_deletion_threshold things within a clock hour. The event of a row is the last
-- deletion of that hour.
with deletions as (

  select
    audit_log_key,
    row_number() over (
      partition by actor_id, {{ dbt.date_trunc('hour', 'created_at') }} order by created_at desc, audit_log_key desc
    ) as from_the_end,
    count(*) over (partition by actor_id, {{ dbt.date_trunc('hour', 'created_at') }}) as deletions
  from {{ ref('stg_zendesk__audit_logs') }}
  where action in ('destroy', 'permanently_destroy') and actor_kind = 'user' and created_at is not null

)

select
  {{ zendesk_event_columns('events') }},
  deletions.deletions
from {{ ref('stg_zendesk__audit_logs') }} as events
inner join deletions on deletions.audit_log_key = events.audit_log_key
where deletions.from_the_end = 1 and deletions.deletions >= {{ var('zendesk_mass_deletion_threshold') }}
