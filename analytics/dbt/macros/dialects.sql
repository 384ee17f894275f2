{#
  SQL that differs between warehouses: times, lines, JSON. CI runs the implementations for DuckDB and PostgreSQL. It
  compiles the others with their adapters and parses them.
#}

{# Returns a timestamp in UTC without a time zone, for a column with or without one. BigQuery and Databricks: the instant. #}
{% macro zendesk_utc(column) %}{{ return(adapter.dispatch('zendesk_utc', 'zendesk_audit_logs')(column)) }}{% endmacro %}
{% macro default__zendesk_utc(column) -%} cast({{ column }} as timestamp) {%- endmacro %}
{% macro duckdb__zendesk_utc(column) -%} make_timestamp(epoch_us({{ column }})) {%- endmacro %}
{% macro postgres__zendesk_utc(column) -%} (to_timestamp(extract(epoch from {{ column }})) at time zone 'UTC') {%- endmacro %}
{% macro snowflake__zendesk_utc(column) -%} cast(convert_timezone('UTC', {{ column }}) as timestamp_ntz) {%- endmacro %}

{# Returns the milliseconds since 1970 of a result of zendesk_utc. #}
{% macro zendesk_epoch_ms(time) %}{{ return(adapter.dispatch('zendesk_epoch_ms', 'zendesk_audit_logs')(time)) }}{% endmacro %}
{% macro default__zendesk_epoch_ms(time) -%} unix_millis({{ time }}) {%- endmacro %}
{% macro duckdb__zendesk_epoch_ms(time) -%} epoch_ms({{ time }}) {%- endmacro %}
{% macro postgres__zendesk_epoch_ms(time) -%} cast(floor(extract(epoch from {{ time }}) * 1000) as bigint) {%- endmacro %}
{% macro snowflake__zendesk_epoch_ms(time) -%} date_part(epoch_millisecond, {{ time }}) {%- endmacro %}

{# Returns the form that Zendesk uses: `2025-01-06T09:00:00Z`. #}
{% macro zendesk_iso(time) %}{{ return(adapter.dispatch('zendesk_iso', 'zendesk_audit_logs')(time)) }}{% endmacro %}
{% macro default__zendesk_iso(time) -%} to_char({{ time }}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') {%- endmacro %}
{% macro duckdb__zendesk_iso(time) -%} strftime({{ time }}, '%Y-%m-%dT%H:%M:%SZ') {%- endmacro %}
{% macro bigquery__zendesk_iso(time) -%} format_timestamp('%Y-%m-%dT%H:%M:%SZ', {{ time }}) {%- endmacro %}
{% macro databricks__zendesk_iso(time) -%}
  concat(date_format(to_utc_timestamp({{ time }}, current_timezone()), 'yyyy-MM-dd'), 'T',
    date_format(to_utc_timestamp({{ time }}, current_timezone()), 'HH:mm:ss'), 'Z')
{%- endmacro %}

{# Returns the time some days later. #}
{% macro zendesk_add_days(time, days) %}{{ return(adapter.dispatch('zendesk_add_days', 'zendesk_audit_logs')(time, days)) }}{% endmacro %}
{% macro default__zendesk_add_days(time, days) -%} {{ time }} + interval '{{ days }} days' {%- endmacro %}
{% macro snowflake__zendesk_add_days(time, days) -%} dateadd(day, {{ days }}, {{ time }}) {%- endmacro %}
{% macro bigquery__zendesk_add_days(time, days) -%} timestamp_add({{ time }}, interval {{ days }} day) {%- endmacro %}

{# Returns the local time in a time zone. #}
{% macro zendesk_local(time, zone) %}{{ return(adapter.dispatch('zendesk_local', 'zendesk_audit_logs')(time, zone)) }}{% endmacro %}
{% macro default__zendesk_local(time, zone) -%} ({{ time }} at time zone 'UTC' at time zone '{{ zone }}') {%- endmacro %}
{% macro snowflake__zendesk_local(time, zone) -%} convert_timezone('UTC', '{{ zone }}', {{ time }}) {%- endmacro %}
{% macro bigquery__zendesk_local(time, zone) -%} datetime({{ time }}, '{{ zone }}') {%- endmacro %}
{% macro databricks__zendesk_local(time, zone) -%}
  from_utc_timestamp(to_utc_timestamp({{ time }}, current_timezone()), '{{ zone }}')
{%- endmacro %}

{# Returns the day of the week, from 1 for Monday to 7 for Sunday. #}
{% macro zendesk_weekday(time) %}{{ return(adapter.dispatch('zendesk_weekday', 'zendesk_audit_logs')(time)) }}{% endmacro %}
{% macro default__zendesk_weekday(time) -%} extract(isodow from {{ time }}) {%- endmacro %}
{% macro snowflake__zendesk_weekday(time) -%} dayofweekiso({{ time }}) {%- endmacro %}
{% macro bigquery__zendesk_weekday(time) -%} mod(extract(dayofweek from {{ time }}) + 5, 7) + 1 {%- endmacro %}
{% macro databricks__zendesk_weekday(time) -%} weekday({{ time }}) + 1 {%- endmacro %}

{# Returns a query for the lines of a column: (key, line_number from 1, line). #}
{% macro zendesk_lines(relation, key, text) %}{{ return(adapter.dispatch('zendesk_lines', 'zendesk_audit_logs')(relation, key, text)) }}{% endmacro %}
{% macro default__zendesk_lines(relation, key, text) -%}
  select events.{{ key }}, lines.line_number, lines.line
  from {{ relation }} as events
  cross join lateral unnest(string_to_array(events.{{ text }}, chr(10))) with ordinality as lines(line, line_number)
{%- endmacro %}
{% macro duckdb__zendesk_lines(relation, key, text) -%}
  select {{ key }}, unnest(range(1, len(string_split({{ text }}, chr(10))) + 1)) as line_number,
    unnest(string_split({{ text }}, chr(10))) as line
  from {{ relation }}
{%- endmacro %}
{% macro snowflake__zendesk_lines(relation, key, text) -%}
  select events.{{ key }}, lines.index as line_number, lines.value as line
  from {{ relation }} as events, lateral split_to_table(events.{{ text }}, chr(10)) as lines
{%- endmacro %}
{% macro bigquery__zendesk_lines(relation, key, text) -%}
  select events.{{ key }}, line_offset + 1 as line_number, line
  from {{ relation }} as events cross join unnest(split(events.{{ text }}, chr(10))) as line with offset as line_offset
{%- endmacro %}
{% macro databricks__zendesk_lines(relation, key, text) -%}
  select events.{{ key }}, lines.pos + 1 as line_number, lines.col as line
  from {{ relation }} as events lateral view posexplode(split(events.{{ text }}, chr(10))) lines
{%- endmacro %}

{# Returns an object as a JSON string, nulls included. `columns` maps names to expressions. #}
{% macro zendesk_json(columns) %}{{ return(adapter.dispatch('zendesk_json', 'zendesk_audit_logs')(columns)) }}{% endmacro %}
{% macro zendesk_json_pairs(columns) -%}
  {%- for name, expression in columns.items() %}'{{ name }}', {{ expression }}{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}
{% macro default__zendesk_json(columns) -%} cast(json_build_object({{ zendesk_json_pairs(columns) }}) as text) {%- endmacro %}
{% macro duckdb__zendesk_json(columns) -%} cast(json_object({{ zendesk_json_pairs(columns) }}) as varchar) {%- endmacro %}
{% macro snowflake__zendesk_json(columns) -%} to_json(object_construct_keep_null({{ zendesk_json_pairs(columns) }})) {%- endmacro %}
{% macro bigquery__zendesk_json(columns) -%}
  to_json_string(struct({% for name, expression in columns.items() %}{{ expression }} as {{ name }}{{ ", " if not loop.last }}{% endfor %}))
{%- endmacro %}
{% macro databricks__zendesk_json(columns) -%}
  to_json(named_struct({{ zendesk_json_pairs(columns) }}), map('ignoreNullFields', 'false'))
{%- endmacro %}
