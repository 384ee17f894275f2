-- Two-factor authentication was switched off for the account.
select
  {{ zendesk_event_columns('events') }}
from {{ ref('stg_zendesk__audit_logs') }} as events
where {{ zendesk_is_setting('events', var('zendesk_two_factor_labels')) }} and events.change_form = 'switched_off'
