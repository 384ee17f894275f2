"""Syncs the stream audit_logs with PyAirbyte into a DuckDB file, as a user of PyAirbyte would.

It is a separate program so that the file is closed when it ends. It must not judge the records.

    python analytics/sync.py CONNECTOR CONFIG.json WAREHOUSE.duckdb
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

# PyAirbyte reads these variables when it is imported.
os.environ |= {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}

from airbyte.caches import DuckDBCache

import airbyte


def main(connector: str, config: str, warehouse: str) -> int:
    source = airbyte.get_source(
        "source-zendesk-audit-logs", config=json.loads(Path(config).read_text()), local_executable=Path(connector)
    )
    source.select_streams(["audit_logs"])
    with tempfile.TemporaryDirectory() as folder:
        cache = DuckDBCache(db_path=warehouse, schema_name="airbyte", cache_dir=Path(folder))
        result = source.read(cache=cache)
    print(f"records: {result.processed_records}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
