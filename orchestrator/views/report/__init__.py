"""The run told after its end, or at any time: first what needs a person, then what came out, then the figures.

What an agent said and what squad found stand side by side; nothing is called measured that was not. One frozen value is
made from the journal, and every rendering shows it.
"""

from orchestrator.views.report.document import report_json
from orchestrator.views.report.making import Aside, make_report
from orchestrator.views.report.markdown import render_markdown
from orchestrator.views.report.text import render_ending, render_report
from orchestrator.views.report.webpage import render_html

__all__ = ["Aside", "make_report", "render_ending", "render_html", "render_markdown", "render_report", "report_json"]
