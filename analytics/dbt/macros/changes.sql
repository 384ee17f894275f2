{#
  Parse a line of change_description. Each macro returns an expression. A line of an unknown form is `other` and stays
  unaltered: the expressions must not filter rows.
#}

{% macro zendesk_forms() %}
  {{ return([
    'none', 'several_lines', 'changed_from_to', 'changed_from_to_unclear', 'switched_on', 'switched_off', 'changed',
    'suspended', 'unsuspended', 'assigned', 'signed_in', 'value_set', 'other',
  ]) }}
{% endmacro %}

{#
  Returns the form of a string. In `changed_from_to_unclear` the markers occur more than once, so the values before and
  after cannot be separated.
#}
{% macro zendesk_change_form(text, action) -%}
  {%- set bare = "lower(trim(" ~ text ~ "))" -%}
  case
    when {{ text }} is null or trim({{ text }}) = '' then 'none'
    when {{ dbt.position("chr(10)", text) }} > 0 then 'several_lines'
    {%- for marker in var('zendesk_change_markers') %}
    {%- set rest = dbt.split_part(text, zendesk_literal(marker.changed), 2) %}
    when {{ zendesk_occurrences(text, marker.changed) }} = 1
      and {{ zendesk_occurrences(rest, marker.to) }} = 1 then 'changed_from_to'
    when {{ zendesk_occurrences(text, marker.changed) }} > 0 then 'changed_from_to_unclear'
    {%- endfor %}
    when {{ zendesk_is_any(text, var('zendesk_on_words')) }} then 'switched_on'
    when {{ zendesk_is_any(text, var('zendesk_off_words')) }} then 'switched_off'
    when {{ zendesk_is_any(text, var('zendesk_suspended_words')) }} then 'suspended'
    when {{ zendesk_is_any(text, var('zendesk_unsuspended_words')) }} then 'unsuspended'
    when {{ bare }} = 'changed' then 'changed'
    {#- Published records also have "asigned". #}
    when right({{ bare }}, 12) = ' is assigned' or right({{ bare }}, 11) = ' is asigned' then 'assigned'
    when {{ dbt.position("'successful sign-in using '", bare) }} = 1 then 'signed_in'
    when {{ action }} = 'create' and {{ dbt.position("': '", text) }} > 1 then 'value_set'
    else 'other'
  end
{%- endmacro %}

{# Returns the attribute: `Role` of "Role changed from Agent to Administrator". Null if the form has none. #}
{% macro zendesk_change_attribute(text, form) -%}
  case
    {%- for marker in var('zendesk_change_markers') %}
    when {{ form }} = 'changed_from_to'
      and {{ dbt.position(zendesk_literal(marker.changed), text) }} > 0
      then trim({{ dbt.split_part(text, zendesk_literal(marker.changed), 1) }})
    {%- endfor %}
    when {{ form }} in ('assigned', 'value_set') then trim({{ dbt.split_part(text, "': '", 1) }})
  end
{%- endmacro %}

{# Returns the value before: `Agent`. Zendesk writes "not set" for no value. #}
{% macro zendesk_change_from(text, form) -%}
  case
    {%- for marker in var('zendesk_change_markers') %}
    {%- set rest = dbt.split_part(text, zendesk_literal(marker.changed), 2) %}
    when {{ form }} = 'changed_from_to'
      and {{ dbt.position(zendesk_literal(marker.changed), text) }} > 0
      then trim({{ dbt.split_part(rest, zendesk_literal(marker.to), 1) }})
    {%- endfor %}
  end
{%- endmacro %}

{# Returns the value after: `Administrator`. For a sign-in it is the method. #}
{% macro zendesk_change_to(text, form) -%}
  case
    {%- for marker in var('zendesk_change_markers') %}
    {%- set rest = dbt.split_part(text, zendesk_literal(marker.changed), 2) %}
    when {{ form }} = 'changed_from_to'
      and {{ dbt.position(zendesk_literal(marker.changed), text) }} > 0
      then trim({{ dbt.split_part(rest, zendesk_literal(marker.to), 2) }})
    {%- endfor %}
    when {{ form }} = 'value_set' then trim(substr({{ text }}, {{ dbt.position("': '", text) }} + 2))
    when {{ form }} = 'signed_in' then trim({{ dbt.split_part("substr(trim(" ~ text ~ "), 26)", "' from '", 1) }})
  end
{%- endmacro %}

{# Returns true if the line is a change of a role. #}
{% macro zendesk_is_role_change(line) -%}
  (
    {%- for marker in var('zendesk_change_markers') %}
    {%- set outer_last = loop.last %}
    {%- for word in var('zendesk_role_words') %}
    {{ dbt.position(zendesk_literal((word ~ marker.changed) | lower), "lower(" ~ line ~ ")") }} > 0
    {%- if not (outer_last and loop.last) %} or {% endif %}
    {%- endfor %}
    {%- endfor %}
  )
{%- endmacro %}

{# Returns true if the line ends with an admin role as the value after. #}
{% macro zendesk_ends_as_admin(line) -%}
  (
    {%- for marker in var('zendesk_change_markers') %}
    {%- set outer_last = loop.last %}
    {%- for role in var('zendesk_admin_roles') %}
    {%- set tail = (marker.to ~ role) | lower %}
    right(lower(trim({{ line }})), {{ tail | length }}) = {{ zendesk_literal(tail) }}
    {%- if not (outer_last and loop.last) %} or {% endif %}
    {%- endfor %}
    {%- endfor %}
  )
{%- endmacro %}
