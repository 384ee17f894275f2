-- One row for each alert: an event that a detection of macros/detections.sql finds. One event can raise several alerts.
{%- set detections = zendesk_detections() %}
{% for detection in detections %}
select
  {{ dbt.concat([zendesk_literal(detection.name ~ '-'), 'found.audit_log_key']) }} as alert_key,
  {{ zendesk_literal(detection.name) }} as detection,
  {{ zendesk_literal(detection.severity) }} as severity,
  {{ zendesk_literal(detection.attack) }} as attack_technique,
  {{ zendesk_event_columns('found') }}
from {{ ref(detection.model) }} as found
{%- if detection.where %}
where {{ detection.where }}
{%- endif %}
{{ "union all" if not loop.last }}
{%- endfor %}
