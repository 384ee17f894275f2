-- API tokens and OAuth clients that were created, changed or deleted. Zendesk does not document the source_type of OAuth
-- clients: every source_type that contains "oauth" counts as one.
select
  {{ zendesk_event_columns('events') }},
  case when events.source_kind = 'api_token' then 'api_token' else 'oauth' end as credential
from {{ ref('stg_zendesk__audit_logs') }} as events
where events.source_kind = 'api_token' or {{ zendesk_contains_any('events.source_type', ['oauth']) }}
