-- The redaction of credit card numbers was switched off.
select
  {{ zendesk_event_columns('events') }}
from {{ ref('stg_zendesk__audit_logs') }} as events
where {{ zendesk_is_setting('events', var('zendesk_credit_card_redaction_labels')) }} and events.change_form = 'switched_off'
