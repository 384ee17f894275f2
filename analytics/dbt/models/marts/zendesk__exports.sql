-- Data that left the account as an export.
select
  {{ zendesk_event_columns('events') }}
from {{ ref('stg_zendesk__audit_logs') }} as events
where events.action = 'exported'
