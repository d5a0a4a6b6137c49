"""Sphinx configuration. Nothing is downloaded and nothing outside this folder is written."""

import os
import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "sphinxext"))

# No progress bars in the output of the gallery's scripts.
os.environ.setdefault("TQDM_DISABLE", "1")

project = "skmolal"
author = "The skmolal developers"
copyright = author
release = installed_version("skmolal")
version = release

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "mathml",
    "strategies",
]
exclude_patterns = ["_build", "examples", "**/*.inc"]
root_doc = "index"
default_role = "literal"  # what numpydoc puts around names of parameters

# Every reference inside skmolal must resolve. Other projects' pages are not fetched at build
# time, so references to them stay plain code.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(sklearn|modAL|ase|joblib|numpy|pandas|scipy|matplotlib|dask)\b.*"),
    ("std:term", r".*"),
    # Attributes stand in the numpydoc section of their class, which is no target.
    ("py:attr", r".*"),
]

# ------------------------------------------------------------------------------------- reference

autosummary_generate = False  # api_pages writes the pages; autosummary makes the tables
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# --------------------------------------------------------------------------------------- doctest

# The examples of docstrings are run by pytest; here only the manual's own code.
doctest_test_doctest_blocks = ""
doctest_global_setup = """
import os
import tempfile
import warnings

os.environ["TQDM_DISABLE"] = "1"
# A hundred labels often put a hyperparameter at a bound; the pages say when that matters.
warnings.filterwarnings("ignore", message="The optimal value found")
from importlib.util import find_spec

no_dask = find_spec("distributed") is None
no_tblite = find_spec("tblite") is None
no_pyscf = find_spec("pyscf") is None
_home = os.getcwd()
_folder = tempfile.TemporaryDirectory()
os.chdir(_folder.name)
"""
doctest_global_cleanup = """
os.chdir(_home)
_folder.cleanup()
"""

# --------------------------------------------------------------------------------------- gallery


sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("skmolal",),
    "backreferences_dir": None,
    "show_memory": False,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "show_signature": False,
    "thumbnail_size": (600, 432),  # the shape of most of their figures
}

# ------------------------------------------------------------------------------------------ HTML

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = "skmolal"
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_static_path = ["_static"]
html_css_files = ["skmolal.css"]
html_show_sourcelink = False
html_sidebars = {"contributing": [], "changelog": []}
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def setup(app):
    """Keep the initial of an author from being read as the letter of a list."""

    def escape(app, what, name, obj, options, lines):
        lines[:] = [re.sub(r"^(\.\. \[\d+\] )(?=[A-Z]\. )", r"\1\\", line) for line in lines]

    app.connect("autodoc-process-docstring", escape, priority=400)  # before numpydoc
