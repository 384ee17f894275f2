-- The addresses from which people may sign in were changed.
select
  {{ zendesk_event_columns('events') }}
from {{ ref('stg_zendesk__audit_logs') }} as events
where {{ zendesk_is_setting('events', var('zendesk_ip_restriction_labels')) }}
