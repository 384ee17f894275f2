-- Every change of a user's role, up and down.
-- The patterns are for English and German accounts: change_description is in the account's language.
SELECT created_at, actor_id, actor_name, ip_address, source_id, source_label, change_description
FROM audit_logs
WHERE source_type = 'user'
  AND action = 'update'
  AND regexp_matches(change_description, '(?i)\b(role changed from|rolle geändert von) ')
ORDER BY created_at DESC NULLS LAST, id;
