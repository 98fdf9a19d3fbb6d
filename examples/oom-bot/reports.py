"""The usage log as an Excel workbook."""

from __future__ import annotations

from io import BytesIO

import pandas as pd
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter


def usage_workbook(lines: list[dict[str, int | float | str]]) -> bytes:
    """Sum up questions and characters by day and model; one sheet for all, one for each model."""
    log = pd.DataFrame(lines, columns=["time", "model", "question", "answer"])
    log["day"] = pd.to_datetime(log["time"], utc=True).dt.date
    totals = log.groupby(["day", "model"], as_index=False).agg(
        questions=("question", "size"),
        asked=("question", "sum"),
        answered=("answer", "sum"),
    )
    workbook = BytesIO()
    with pd.ExcelWriter(workbook, engine="openpyxl") as writer:
        totals.to_excel(writer, sheet_name="all", index=False)
        for model, part in totals.groupby("model"):
            part.to_excel(writer, sheet_name=str(model), index=False)
        for sheet in writer.sheets.values():
            for column, cell in enumerate(sheet[1], start=1):
                cell.font = Font(bold=True)
                sheet.column_dimensions[get_column_letter(column)].width = 14
    return workbook.getvalue()
