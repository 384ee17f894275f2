-- Users who were suspended, and users whose suspension was lifted.
select
  {{ zendesk_event_columns('events') }},
  events.change_form as became
from {{ ref('stg_zendesk__audit_logs') }} as events
where events.source_type = 'user_setting'
  and {{ zendesk_contains_any('events.source_label', var('zendesk_suspension_labels')) }}
  and events.change_form in ('suspended', 'unsuspended')
