-- Access by the mobile app (access = mobile) or the API (access = api) was switched on.
select
  {{ zendesk_event_columns('events') }},
  case when {{ zendesk_is_setting('events', var('zendesk_mobile_access_labels')) }} then 'mobile' else 'api' end as access
from {{ ref('stg_zendesk__audit_logs') }} as events
where ({{ zendesk_is_setting('events', var('zendesk_mobile_access_labels')) }}
    or {{ zendesk_is_setting('events', var('zendesk_api_access_labels')) }})
  and events.change_form = 'switched_on'
