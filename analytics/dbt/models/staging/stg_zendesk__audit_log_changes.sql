-- One row for each line of a change_description that is not blank. One event can contain several changes.
with events as (

  select audit_log_key, action, replace(change_description, chr(13), '') as change_text
  from {{ ref('stg_zendesk__audit_logs') }}
  where change_form <> 'none'

),

lines as (

  {{ zendesk_lines('events', 'audit_log_key', 'change_text') }}

),

classified as (

  select
    lines.audit_log_key,
    lines.line_number,
    lines.line,
    {{ zendesk_change_form('lines.line', 'events.action') }} as change_form
  from lines
  inner join events on events.audit_log_key = lines.audit_log_key

)

select
  {{ dbt.concat(["audit_log_key", "'-'", "cast(line_number as " ~ dbt.type_string() ~ ")"]) }} as change_key,
  audit_log_key,
  line_number,
  line,
  change_form,
  {{ zendesk_change_attribute('line', 'change_form') }} as change_attribute,
  {{ zendesk_change_from('line', 'change_form') }} as change_from,
  {{ zendesk_change_to('line', 'change_form') }} as change_to
from classified
where change_form <> 'none'
