"""Which of squad's roles the words of an agent mean.

The last word that says something decides, as in `api-docs-writer` and `frontend-tester`; whatever says nothing is general.
"""

import re
from collections.abc import Mapping

GENERAL = "general"
_WORDS: Mapping[str, str] = {
    "frontend": "frontend front ui ux web css html react vue angular svelte client browser mobile ios android design designer",
    "backend": "backend back api apis server service services database databases db sql data platform infrastructure devops auth",
    "ml": "ml ai learning model models modelling nlp vision training scientist science statistics statistician",
    "tests": "test tests testing tester qa quality sdet e2e coverage",
    "docs": "doc docs documentation documenter writer writing editor",
    "reviewer": "review reviews reviewer reviewing critic audit auditor security",
}
_MEANINGS = {word: role for role, words in _WORDS.items() for word in words.split()}
SHIPPED = (*_WORDS, GENERAL)


def template_of(*names: str) -> str:
    """Give the role of squad's that the first telling name means: a role, a label, then skills."""
    told = (_MEANINGS[word] for name in names for word in reversed(_words(name)) if word in _MEANINGS)
    return next(told, GENERAL)


def _words(name: str) -> list[str]:
    """Give the words of a name, also of one written as `QAEngineer` or `e2e-tester`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[a-z0-9]+", apart.casefold())
