-- Two-factor authentication was switched off.
-- The patterns are for English accounts: both texts are in the account's language.
SELECT created_at, actor_id, actor_name, ip_address, source_label, change_description
FROM audit_logs
WHERE source_type = 'account_setting'
  AND regexp_matches(source_label, '(?i)two[- ]?factor')
  AND regexp_matches(change_description, '(?i)\bdisabled\b')
ORDER BY created_at DESC NULLS LAST, id;
