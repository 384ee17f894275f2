-- Users who became an admin of the account or of one product (became = admin), or the account's owner (became = owner).
-- Users who were created as admins are missing: the audit log does not record the creation of users.
with promotions as (

  select distinct audit_log_key
  from {{ ref('stg_zendesk__audit_log_changes') }}
  where {{ zendesk_is_role_change('line') }} and {{ zendesk_ends_as_admin('line') }}

),

owners as (

  select distinct audit_log_key
  from {{ ref('stg_zendesk__audit_log_changes') }}
  where
    {%- for marker in var('zendesk_change_markers') %}
    {%- set outer_last = loop.last %}
    {%- for word in var('zendesk_owner_words') %}
    {{ dbt.position(zendesk_literal((word ~ marker.changed) | lower), "lower(line)") }} = 1
    {%- if not (outer_last and loop.last) %} or {% endif %}
    {%- endfor %}
    {%- endfor %}

)

select
  {{ zendesk_event_columns('events') }},
  case when events.source_type = 'account' then 'owner' else 'admin' end as became
from {{ ref('stg_zendesk__audit_logs') }} as events
where (events.source_type = 'user' and events.audit_log_key in (select audit_log_key from promotions))
  or (events.source_type = 'account' and events.audit_log_key in (select audit_log_key from owners))
