"""A Parquet file with any one byte changed gives rows or an InspectionError, and never ends the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

READ_DAMAGED = """
import sys
from pathlib import Path
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.readers import read_file
from dpojob_trainer.inspection.sources import DataFile
path = Path(sys.argv[1])
whole = path.read_bytes()
for at in range(len(whole)):
    path.write_bytes(whole[:at] + bytes([(whole[at] + 1) % 256]) + whole[at + 1:])
    try:
        for batch in read_file(DataFile(path.name, path, len(whole))):
            len(batch)
    except InspectionError:
        pass
print("done")
"""


def test_one_changed_byte(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    table = pa.table({"prompt": ["p", "q"], "chosen": [["a"], ["b", None]]})
    pq.write_table(table, path, store_schema=False, data_page_version="2.0")
    done = subprocess.run(
        [sys.executable, "-c", READ_DAMAGED, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr[-500:]
