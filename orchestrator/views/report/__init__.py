"""The run told after its end, or at any time: first what needs a person, then what came out, then the figures.

What an agent said and what squad found stand side by side; nothing is called measured that was not. One frozen value is
made from the journal, and every rendering shows it.
"""

from orchestrator.views.report.document import report_json
from orchestrator.views.report.making import make_report
from orchestrator.views.report.text import render_ending, render_report

__all__ = ["make_report", "render_ending", "render_report", "report_json"]
