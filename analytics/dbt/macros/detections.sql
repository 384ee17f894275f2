{#
  The register of detections, from which zendesk__alerts is built. `analytics/sigma/NAME.yml` has the same level and
  ATT&CK id, and docs/analytics.md describes the response. Tests compare the three.
#}
{% macro zendesk_detections() %}
  {{ return([
    {'name': 'account_owner_changed', 'severity': 'critical', 'attack': 'T1098', 'model': 'zendesk__new_admins', 'where': "became = 'owner'"},
    {'name': 'new_admin', 'severity': 'high', 'attack': 'T1098.003', 'model': 'zendesk__new_admins', 'where': "became = 'admin'"},
    {'name': 'role_changed', 'severity': 'low', 'attack': 'T1098.003', 'model': 'zendesk__role_changes', 'where': "became = 'other'"},
    {'name': 'api_credential_created', 'severity': 'high', 'attack': 'T1098.001', 'model': 'zendesk__api_credentials', 'where': "action = 'create'"},
    {'name': 'two_factor_disabled', 'severity': 'high', 'attack': 'T1556.006', 'model': 'zendesk__two_factor_disabled'},
    {'name': 'data_exported', 'severity': 'medium', 'attack': 'T1213', 'model': 'zendesk__exports'},
    {'name': 'sign_in_from_new_address', 'severity': 'low', 'attack': 'T1078.004', 'model': 'zendesk__sign_ins_from_new_addresses'},
    {'name': 'user_suspended', 'severity': 'medium', 'attack': 'T1531', 'model': 'zendesk__suspensions', 'where': "became = 'suspended'"},
    {'name': 'user_unsuspended', 'severity': 'medium', 'attack': 'T1098', 'model': 'zendesk__suspensions', 'where': "became = 'unsuspended'"},
    {'name': 'account_assumption_changed', 'severity': 'medium', 'attack': 'T1550', 'model': 'zendesk__account_assumption_changes'},
    {'name': 'credit_card_redaction_disabled', 'severity': 'high', 'attack': 'T1213', 'model': 'zendesk__credit_card_redaction_disabled'},
    {'name': 'mobile_access_enabled', 'severity': 'medium', 'attack': 'T1078.004', 'model': 'zendesk__access_enabled', 'where': "access = 'mobile'"},
    {'name': 'api_access_enabled', 'severity': 'medium', 'attack': 'T1098.001', 'model': 'zendesk__access_enabled', 'where': "access = 'api'"},
    {'name': 'sso_changed', 'severity': 'high', 'attack': 'T1484.002', 'model': 'zendesk__sign_in_policy_changes', 'where': "policy = 'sso'"},
    {'name': 'password_policy_changed', 'severity': 'medium', 'attack': 'T1556', 'model': 'zendesk__sign_in_policy_changes', 'where': "policy = 'password'"},
    {'name': 'ip_restriction_changed', 'severity': 'high', 'attack': 'T1556.009', 'model': 'zendesk__ip_restriction_changes'},
    {'name': 'mass_deletion', 'severity': 'high', 'attack': 'T1485', 'model': 'zendesk__mass_deletions'},
  ]) }}
{% endmacro %}

{# Returns the columns that every mart of events has. #}
{% macro zendesk_event_columns(alias) -%}
  {%- for column in [
    'audit_log_key', 'audit_log_id', 'created_at', 'action', 'actor_id', 'actor_name', 'ip_address', 'source_type',
    'source_id', 'source_label', 'change_description',
  ] %}
  {{ alias }}.{{ column }}{{ "," if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{# Returns true if the event changed a setting of the account with one of these labels. #}
{% macro zendesk_is_setting(alias, labels) -%}
  ({{ alias }}.source_type = 'account_setting' and {{ zendesk_contains_any(alias ~ '.source_label', labels) }})
{%- endmacro %}
