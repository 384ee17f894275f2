-- Whether Zendesk's support may sign in as a user (account assumption) was changed, in whichever direction.
select
  {{ zendesk_event_columns('events') }}
from {{ ref('stg_zendesk__audit_logs') }} as events
where {{ zendesk_is_setting('events', var('zendesk_account_assumption_labels')) }}
