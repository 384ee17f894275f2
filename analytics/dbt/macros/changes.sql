{#
  What a line of change_description says, where its form is known. Every macro returns an expression. A line of another
  form is `other`, and stays as it is: these expressions never filter rows.
#}

{% macro zendesk_forms() %}
  {{ return([
    'none', 'several_lines', 'changed_from_to', 'changed_from_to_unclear', 'switched_on', 'switched_off', 'changed',
    'suspended', 'unsuspended', 'assigned', 'signed_in', 'value_set', 'other',
  ]) }}
{% endmacro %}

{#
  The form of a string. `changed_from_to_unclear` is a change whose words occur more than once, so that the values
  before and after cannot be told apart.
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
    {#- Zendesk has written "asigned" as well. #}
    when right({{ bare }}, 12) = ' is assigned' or right({{ bare }}, 11) = ' is asigned' then 'assigned'
    when {{ dbt.position("'successful sign-in using '", bare) }} = 1 then 'signed_in'
    when {{ action }} = 'create' and {{ dbt.position("': '", text) }} > 1 then 'value_set'
    else 'other'
  end
{%- endmacro %}

{# What was changed: `Role` of "Role changed from Agent to Administrator". Null where the form has none. #}
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

{# The value before: `Agent`. Zendesk writes "not set" for none. #}
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

{# The value after: `Administrator`; of a sign-in, the method. #}
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

{# Is this line a change of a role? #}
{% macro zendesk_is_role_change(line) -%}
  (
    {%- for marker in var('zendesk_change_markers') %}
    {%- set outer_last = loop.last %}
    {%- for word in var('zendesk_role_words') %}
    {{ dbt.position(zendesk_literal(word ~ marker.changed), "lower(" ~ line ~ ")") }} > 0
    {%- if not (outer_last and loop.last) %} or {% endif %}
    {%- endfor %}
    {%- endfor %}
  )
{%- endmacro %}

{# Does this line end with the name of an admin role as the value after? #}
{% macro zendesk_ends_as_admin(line) -%}
  (
    {%- for marker in var('zendesk_change_markers') %}
    {%- set outer_last = loop.last %}
    {%- for role in var('zendesk_admin_roles') %}
    {%- set tail = marker.to ~ role %}
    right(lower(trim({{ line }})), {{ tail | length }}) = {{ zendesk_literal(tail) }}
    {%- if not (outer_last and loop.last) %} or {% endif %}
    {%- endfor %}
    {%- endfor %}
  )
{%- endmacro %}
