-- API tokens and OAuth clients that were made, changed or deleted: each is a way into the account.
-- Zendesk does not document what it calls OAuth clients; every source_type with "oauth" in it is one.
select
  {{ zendesk_event_columns('events') }},
  case when events.source_kind = 'api_token' then 'api_token' else 'oauth' end as credential
from {{ ref('stg_zendesk__audit_logs') }} as events
where events.source_kind = 'api_token' or {{ zendesk_contains_any('events.source_type', ['oauth']) }}
