-- Makes the table audit_logs from audit_logs.jsonl, the output of the connector's `read` (any number of them,
-- one behind the other). Lines that are no records are left out, and so are records that came twice.
-- Whoever lets Airbyte or PyAirbyte write the table does not need this.
CREATE OR REPLACE TABLE audit_logs AS
SELECT DISTINCT data.*
FROM (
  SELECT record.data AS data
  FROM read_json(
    'audit_logs.jsonl',
    format = 'newline_delimited',
    columns = {
      type: 'VARCHAR',
      record: 'STRUCT(data STRUCT(
        id BIGINT,
        created_at TIMESTAMP,
        action VARCHAR,
        action_label VARCHAR,
        actor_id BIGINT,
        actor_name VARCHAR,
        source_type VARCHAR,
        source_id BIGINT,
        source_label VARCHAR,
        change_description VARCHAR,
        ip_address VARCHAR,
        url VARCHAR))'
    }
  )
  WHERE type = 'RECORD'
);
