-- Events of users on Saturdays, on Sundays and outside business hours, in the time zone zendesk_time_zone.
with local_times as (

  select
    audit_log_key,
    {{ zendesk_local('created_at', var('zendesk_time_zone')) }} as local_time
  from {{ ref('stg_zendesk__audit_logs') }}
  where actor_kind = 'user' and created_at is not null

)

select
  {{ zendesk_event_columns('events') }},
  local_times.local_time
from {{ ref('stg_zendesk__audit_logs') }} as events
inner join local_times on local_times.audit_log_key = events.audit_log_key
where {{ zendesk_weekday('local_times.local_time') }} > 5
  or extract(hour from local_times.local_time) < {{ var('zendesk_business_hours_start') }}
  or extract(hour from local_times.local_time) >= {{ var('zendesk_business_hours_end') }}
