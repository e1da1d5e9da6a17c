"""The documentation site: `sphinx-build -W -n --keep-going -j 2 docs docs/_build/html`.

It runs the notebooks; `-D nb_execution_mode=off` shows them without results, in a few seconds.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "_ext"))

project = "rapyer-nb"
author = "the authors of rapyer-nb"
version = release = version_of("rapyer-nb")

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.mermaid",
    "outside",
    "executed",
    "offline",
]
exclude_patterns = ["_build", "_ext"]
nitpicky = True

# Markdown as GitHub reads it: plain links with the anchors that GitHub makes.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_links_external_new_tab = False
suppress_warnings = [
    "myst.header",  # generated pages go from a title to the level that their anchors have
]

nb_execution_mode = "force"
nb_execution_raise_on_error = (
    False  # a failure is a warning, so that `-W --keep-going` names all notebooks that fail
)
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_merge_streams = True

mermaid_height = "auto"
mermaid_fullscreen = False

html_theme = "furo"
html_title = "rapyer-nb"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
templates_path = ["_templates"]
pygments_style = "default"
pygments_dark_style = "github-dark"

copybutton_exclude = ".linenos, .gp, .go"
