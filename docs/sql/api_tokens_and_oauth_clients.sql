-- API tokens and OAuth clients that were made, changed or deleted: each is a way into the account.
-- Zendesk documents "apitoken", and others have seen "api_token"; how OAuth clients are called is not documented.
SELECT created_at, action, actor_id, actor_name, ip_address, source_type, source_id, source_label, change_description
FROM audit_logs
WHERE regexp_matches(source_type, '(?i)^api_?token$|oauth')
ORDER BY created_at DESC NULLS LAST, id;
