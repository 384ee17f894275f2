-- Every event in the Open Cybersecurity Schema Framework 1.6.0: Authentication for sign-ins, Account Change for users and
-- their suspension, Entity Management for the rest. A column's name is the path of an attribute with two underscores for
-- each dot. raw_data is the record as JSON.
{%- set text = dbt.type_string() %}
with events as (

  select
    stg.*,
    case
      when action = 'login' then 3002
      when source_type = 'user' or (source_type = 'user_setting' and change_form in ('suspended', 'unsuspended')) then 3001
      else 3004
    end as class_uid
  from {{ ref('stg_zendesk__audit_logs') }} as stg

),

activities as (

  select
    events.*,
    case
      when action is null then 0
      when class_uid = 3002 then 1
      when class_uid = 3001 then case
        when change_form = 'suspended' then 5
        when change_form = 'unsuspended' then 2
        when action = 'create' then 1
        when action in ('destroy', 'permanently_destroy') then 6
        else 99
      end
      when change_form = 'switched_on' then 8
      when change_form = 'switched_off' then 9
      when action = 'create' then 1
      when action = 'exported' then 2
      when action = 'update' then 3
      when action in ('destroy', 'permanently_destroy') then 4
      else 99
    end as activity_id
  from events

)

select
  audit_log_key,
  class_uid,
  case class_uid
    when 3001 then 'Account Change' when 3002 then 'Authentication' else 'Entity Management'
  end as class_name,
  3 as category_uid,
  'Identity & Access Management' as category_name,
  activity_id,
  case
    when activity_id = 0 then 'Unknown'
    when activity_id = 99 then action
    when class_uid = 3002 then 'Logon'
    when class_uid = 3001 then case activity_id when 1 then 'Create' when 2 then 'Enable' when 5 then 'Disable' else 'Delete' end
    else case activity_id
      when 1 then 'Create' when 2 then 'Read' when 3 then 'Update' when 4 then 'Delete' when 8 then 'Enable' else 'Disable'
    end
  end as activity_name,
  class_uid * 100 + activity_id as type_uid,
  -- OCSF requires a time. For an event without one it is the time at which Airbyte read it.
  {{ zendesk_epoch_ms('coalesce(created_at, extracted_at)') }} as time,
  1 as severity_id,
  'Informational' as severity,
  1 as status_id,
  'Success' as status,
  coalesce(nullif(change_description, ''), action_label, action) as message,
  '1.6.0' as metadata__version,
  'Zendesk' as metadata__product__vendor_name,
  'Zendesk Support' as metadata__product__name,
  'audit_logs' as metadata__log_name,
  audit_log_key as metadata__uid,
  action as metadata__event_code,
  {{ zendesk_iso('created_at') }} as metadata__original_time,
  cast(actor_id as {{ text }}) as actor__user__uid,
  actor_name as actor__user__name,
  case actor_kind when 'system' then 3 when 'user' then 1 end as actor__user__type_id,
  ip_address as src_endpoint__ip,
  case when class_uid = 3002 then 'Zendesk' end as service__name,
  case
    when class_uid = 3002 then coalesce(cast(actor_id as {{ text }}), cast(source_id as {{ text }}))
    when class_uid = 3001 then cast(source_id as {{ text }})
  end as user__uid,
  case
    when class_uid = 3002 then coalesce(actor_name, source_label, 'unknown')
    when class_uid = 3001 and source_type = 'user_setting'
      then coalesce(nullif({{ dbt.split_part('source_label', "': '", 2) }}, ''), source_label, 'unknown')
    when class_uid = 3001 then coalesce(source_label, 'unknown')
  end as user__name,
  case when class_uid = 3004 then cast(source_id as {{ text }}) end as entity__uid,
  case when class_uid = 3004 then coalesce(source_label, source_type, 'unknown') end as entity__name,
  case when class_uid = 3004 then source_type end as entity__type,
  {{ zendesk_json({
    'id': 'audit_log_id', 'created_at': zendesk_iso('created_at'), 'action': 'action', 'action_label': 'action_label',
    'actor_id': 'actor_id', 'actor_name': 'actor_name', 'source_type': 'source_type', 'source_id': 'source_id',
    'source_label': 'source_label', 'change_description': 'change_description', 'ip_address': 'ip_address', 'url': 'url',
  }) }} as raw_data
from activities
