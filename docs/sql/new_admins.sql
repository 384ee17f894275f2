-- Who was made an admin, of the account or of one product, or its owner; by whom, and from where.
-- The patterns are for English and German accounts: change_description is in the account's language.
SELECT created_at, actor_id, actor_name, ip_address, source_id, source_label, change_description
FROM audit_logs
WHERE (source_type = 'user' AND regexp_matches(change_description,
        '(?im)\brole changed from .* to admin(istrator)?\s*$|^rolle geändert von .* in administrator\s*$'))
   OR (source_type = 'account' AND regexp_matches(change_description, '(?i)^owner changed from '))
ORDER BY created_at DESC NULLS LAST, id;
