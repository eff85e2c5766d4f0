"""Settings of the documentation, which `make docs` builds without a network."""

import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from inventories import write_inventories  # noqa: E402

import sklearn_mrtl  # noqa: E402

project = "sklearn_mrtl"
author = "sklearn_mrtl developers"
copyright = author  # noqa: A001
version = release = sklearn_mrtl.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "docstrings",
]
exclude_patterns = ["_build", "images", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_math_renderer = "mathml"
default_role = "py:obj"

# The links of performance.md and benchmarks.md are the repository's.
suppress_warnings = ["myst.xref_missing", "myst.header"]

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_mrtl"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {
    name: []
    for name in (
        "index",
        "install",
        "getting_started",
        "when_to_use",
        "which_model",
        "coming_from",
        "faq",
        "cite",
        "contributing",
        "performance",
        "benchmarks",
        "whats_new",
        "glossary",
        "gallery/*",
        "paper/*",
    )
}

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

intersphinx_mapping = write_inventories(HERE / "_build" / "inventories")

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"demo\.py$",
    "within_subsection_order": "gallery_order.key",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("sklearn_mrtl",),
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "image_srcset": ["2x"],
    "matplotlib_animations": False,
}

warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")
