-- Changes of the setting that lets Zendesk's support sign in as a user (account assumption), in both directions.
select
  {{ zendesk_event_columns('events') }}
from {{ ref('stg_zendesk__audit_logs') }} as events
where {{ zendesk_is_setting('events', var('zendesk_account_assumption_labels')) }}
