"""Key import: a supplier's file becomes sealed keys, chunk by chunk; it can be killed and resumed.

`run.py` tells the story; `source.py` reads the file, `lines.py` understands a line, `sealing.py`
encrypts a chunk, `storing.py` writes it, `batches.py` keeps the batch, `undo.py` takes it back and
`report.py` says what became of every line.
"""

from supply.importing.batches import BatchReport, ImportRunning
from supply.importing.lines import Outcome
from supply.importing.report import LineReport, batch_report
from supply.importing.run import ImportProgress, import_keys
from supply.importing.source import FileChanged, FileRefused, ImportLimits
from supply.importing.undo import BatchInUse, WithdrawnBatch, undo_batch

__all__ = [
    "BatchInUse",
    "BatchReport",
    "FileChanged",
    "FileRefused",
    "ImportLimits",
    "ImportProgress",
    "ImportRunning",
    "LineReport",
    "Outcome",
    "WithdrawnBatch",
    "batch_report",
    "import_keys",
    "undo_batch",
]
