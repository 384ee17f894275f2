-- Changes of single sign-on (policy = sso) and of the password policy (policy = password).
select
  {{ zendesk_event_columns('events') }},
  case when {{ zendesk_is_setting('events', var('zendesk_sso_labels')) }} then 'sso' else 'password' end as policy
from {{ ref('stg_zendesk__audit_logs') }} as events
where {{ zendesk_is_setting('events', var('zendesk_sso_labels')) }}
  or {{ zendesk_is_setting('events', var('zendesk_password_policy_labels')) }}
