-- One row for each event of the audit log: typed, deduplicated, with the change split out where its form is known.
-- Events of unknown forms must not be dropped.
with source as (

  select * from {{ source('zendesk', 'audit_logs') }}

),

typed as (

  select
    cast(id as {{ dbt.type_bigint() }}) as audit_log_id,
    {{ zendesk_utc('created_at') }} as created_at,
    cast(action as {{ dbt.type_string() }}) as action,
    cast(action_label as {{ dbt.type_string() }}) as action_label,
    cast(actor_id as {{ dbt.type_bigint() }}) as actor_id,
    cast(actor_name as {{ dbt.type_string() }}) as actor_name,
    cast(ip_address as {{ dbt.type_string() }}) as ip_address,
    cast(source_type as {{ dbt.type_string() }}) as source_type,
    cast(source_id as {{ dbt.type_bigint() }}) as source_id,
    cast(source_label as {{ dbt.type_string() }}) as source_label,
    cast(change_description as {{ dbt.type_string() }}) as change_description,
    cast(url as {{ dbt.type_string() }}) as url,
    {{ zendesk_utc('_airbyte_extracted_at') }} as extracted_at
  from source

),

keyed as (

  -- An event without an id is identified by a digest of its columns. The connector does the same.
  select
    typed.*,
    case
      when audit_log_id is not null then cast(audit_log_id as {{ dbt.type_string() }})
      else {{ dbt.concat(["'digest-'", dbt.hash(dbt.concat([
        "coalesce(" ~ zendesk_iso('created_at') ~ ", '')", "'|'",
        "coalesce(action, '')", "'|'",
        "coalesce(cast(actor_id as " ~ dbt.type_string() ~ "), '')", "'|'",
        "coalesce(ip_address, '')", "'|'",
        "coalesce(source_type, '')", "'|'",
        "coalesce(cast(source_id as " ~ dbt.type_string() ~ "), '')", "'|'",
        "coalesce(source_label, '')", "'|'",
        "coalesce(change_description, '')", "'|'",
        "coalesce(url, '')",
      ]))]) }}
    end as audit_log_key,
    replace(change_description, chr(13), '') as change_text
  from typed

),

numbered as (

  select
    keyed.*,
    row_number() over (partition by audit_log_key order by extracted_at desc) as copy_number
  from keyed

),

classified as (

  select
    numbered.*,
    {{ zendesk_change_form('change_text', 'action') }} as change_form
  from numbered
  where copy_number = 1

)

select
  audit_log_key,
  audit_log_id,
  created_at,
  action,
  action_label,
  actor_id,
  actor_name,
  case when actor_id is null then 'unknown' when actor_id = -1 then 'system' else 'user' end as actor_kind,
  ip_address,
  source_type,
  -- Zendesk documents "apitoken", and "api_token" has been seen.
  case when source_type = 'apitoken' then 'api_token' else source_type end as source_kind,
  source_id,
  source_label,
  change_description,
  change_form,
  {{ zendesk_change_attribute('change_text', 'change_form') }} as change_attribute,
  {{ zendesk_change_from('change_text', 'change_form') }} as change_from,
  {{ zendesk_change_to('change_text', 'change_form') }} as change_to,
  url,
  extracted_at
from classified
