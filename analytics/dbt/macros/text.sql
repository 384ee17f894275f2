{#
  Questions to strings, by functions that every supported warehouse has. No LIKE and no regular expressions:
  their escapes differ between warehouses, and `%` and `_` occur in labels.
#}

{# A string literal. #}
{% macro zendesk_literal(value) -%}
  {{ dbt.string_literal(dbt.escape_single_quotes(value)) }}
{%- endmacro %}

{# Is one of the lower-case words somewhere in the string? A null string contains nothing. #}
{% macro zendesk_contains_any(text, words) -%}
  (
    {%- for word in words %}
    {{ dbt.position(zendesk_literal(word), "lower(coalesce(" ~ text ~ ", ''))") }} > 0
    {%- if not loop.last %} or {% endif %}
    {%- endfor %}
  )
{%- endmacro %}

{# Is the string, without blanks around it, one of the lower-case words? #}
{% macro zendesk_is_any(text, words) -%}
  lower(trim(coalesce({{ text }}, ''))) in (
    {%- for word in words %}{{ zendesk_literal(word) }}{{ ", " if not loop.last }}{% endfor -%}
  )
{%- endmacro %}

{# How often a literal that is not empty occurs in a string. #}
{% macro zendesk_occurrences(text, literal) -%}
  ((length({{ text }}) - length(replace({{ text }}, {{ zendesk_literal(literal) }}, ''))) / {{ literal | length }})
{%- endmacro %}
