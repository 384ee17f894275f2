-- Every change of a user's role, up and down. became = admin if the new role is an admin role.
with role_changes as (

  select
    audit_log_key,
    max(case when {{ zendesk_ends_as_admin('line') }} then 1 else 0 end) as to_admin
  from {{ ref('stg_zendesk__audit_log_changes') }}
  where {{ zendesk_is_role_change('line') }}
  group by audit_log_key

)

select
  {{ zendesk_event_columns('events') }},
  case when role_changes.to_admin = 1 then 'admin' else 'other' end as became
from {{ ref('stg_zendesk__audit_logs') }} as events
inner join role_changes on role_changes.audit_log_key = events.audit_log_key
where events.source_type = 'user' and events.action = 'update'
