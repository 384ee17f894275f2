-- The first sign-in of an actor from an address. The first zendesk_new_address_after_days of an actor are excluded, because
-- every address is new in that time.
with sign_ins as (

  select
    audit_log_key,
    actor_id,
    ip_address,
    created_at,
    row_number() over (partition by actor_id, ip_address order by created_at, audit_log_key) as visit,
    count(*) over (partition by actor_id, ip_address) as sign_ins_from_there,
    min(created_at) over (partition by actor_id) as known_since
  from {{ ref('stg_zendesk__audit_logs') }}
  where action = 'login' and actor_id is not null and ip_address is not null and created_at is not null

)

select
  {{ zendesk_event_columns('events') }},
  sign_ins.sign_ins_from_there
from {{ ref('stg_zendesk__audit_logs') }} as events
inner join sign_ins on sign_ins.audit_log_key = events.audit_log_key
where sign_ins.visit = 1
  and sign_ins.created_at >= {{ zendesk_add_days('sign_ins.known_since', var('zendesk_new_address_after_days')) }}
