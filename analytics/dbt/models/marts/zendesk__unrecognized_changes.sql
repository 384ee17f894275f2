-- Lines of changes whose form is not known, by kind, with an example. Marts that depend on the form do not contain them.
-- Extend the vars of dbt_project.yml with the words of your account's language.
select
  events.source_type,
  events.action,
  changes.change_form,
  count(*) as changes,
  count(distinct events.audit_log_key) as events,
  max(events.source_label) as example_source_label,
  max(changes.line) as example_line
from {{ ref('stg_zendesk__audit_log_changes') }} as changes
inner join {{ ref('stg_zendesk__audit_logs') }} as events on events.audit_log_key = changes.audit_log_key
where changes.change_form in ('other', 'changed_from_to_unclear')
group by events.source_type, events.action, changes.change_form
