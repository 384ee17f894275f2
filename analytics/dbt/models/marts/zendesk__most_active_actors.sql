-- The number of events, of days (in UTC) and of addresses for each user. activity_rank 1 is the most active user.
with actors as (

  select
    actor_id,
    max(actor_name) as actor_name,
    count(*) as events,
    count(distinct cast(created_at as date)) as days,
    count(distinct ip_address) as addresses,
    max(created_at) as last_at
  from {{ ref('stg_zendesk__audit_logs') }}
  where actor_kind = 'user'
  group by actor_id

)

select
  actors.*,
  row_number() over (order by events desc, actor_id) as activity_rank
from actors
