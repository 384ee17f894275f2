-- Settings of the account that were changed, such as IP restrictions, password rules and the owner; by whom.
SELECT created_at, action, actor_id, actor_name, ip_address, source_type, source_label, change_description
FROM audit_logs
WHERE source_type IN ('account', 'account_setting')
ORDER BY created_at DESC NULLS LAST, id;
