{#
  Tests of strings with functions that every supported warehouse has. They must not use LIKE or regular expressions:
  escapes differ between warehouses, and `%` and `_` occur in labels.
#}

{# Returns a string literal. #}
{% macro zendesk_literal(value) -%}
  {{ dbt.string_literal(dbt.escape_single_quotes(value)) }}
{%- endmacro %}

{# Returns true if the string contains one of the words, in any case. A null string contains none. #}
{% macro zendesk_contains_any(text, words) -%}
  (
    {%- for word in words %}
    {{ dbt.position(zendesk_literal(word | lower), "lower(coalesce(" ~ text ~ ", ''))") }} > 0
    {%- if not loop.last %} or {% endif %}
    {%- endfor %}
  )
{%- endmacro %}

{# Returns true if the string, trimmed, is one of the words, in any case. #}
{% macro zendesk_is_any(text, words) -%}
  lower(trim(coalesce({{ text }}, ''))) in (
    {%- for word in words %}{{ zendesk_literal(word | lower) }}{{ ", " if not loop.last }}{% endfor -%}
  )
{%- endmacro %}

{# Returns how often a non-empty literal occurs in a string. #}
{% macro zendesk_occurrences(text, literal) -%}
  ((length({{ text }}) - length(replace({{ text }}, {{ zendesk_literal(literal) }}, ''))) / {{ literal | length }})
{%- endmacro %}
