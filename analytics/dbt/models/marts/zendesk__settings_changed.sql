-- Every change of the account and its settings, with or without a detection.
select
  {{ zendesk_event_columns('events') }},
  events.change_form
from {{ ref('stg_zendesk__audit_logs') }} as events
where events.source_type in ('account', 'account_setting')
