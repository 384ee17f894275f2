-- Data that left the account as an export.
SELECT created_at, actor_id, actor_name, ip_address, source_type, source_label, change_description
FROM audit_logs
WHERE action = 'exported'
ORDER BY created_at DESC NULLS LAST, id;
