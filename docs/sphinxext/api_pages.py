"""Write the API pages from ``__all__`` before the build, so that no public name is forgotten."""

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import skmolal

_HEAD = """\
API reference
=============

Every public name, by module. Those of the first section are imported from the package itself,
``from skmolal import ...``; the others from their module.
"""


def public_modules():
    """List the public modules of the package that say what they export, the package first."""
    names = ["skmolal"]
    names += [f"skmolal.{m.name}" for m in pkgutil.iter_modules(skmolal.__path__)]
    return [
        name
        for name in names
        if not name.rpartition(".")[2].startswith("_")
        and name != "skmolal.cli"  # a command, no library
        and hasattr(import_module(name), "__all__")
    ]


def top_names():
    """Map what the package itself exports, by identity, to its name there."""
    values = {name: getattr(skmolal, name) for name in skmolal.__all__}
    return {id(v): f"skmolal.{name}" for name, v in values.items() if not inspect.ismodule(v)}


def format_pages():
    """Return a dict from file name to text: the index and a page for each public object.

    What the package exports is documented under that name only, and its module refers to it.
    """
    top, pages, index = top_names(), {}, [_HEAD]
    for module_name in public_modules():
        module = import_module(module_name)
        summary = (module.__doc__ or "").strip().splitlines()[0]
        index += ["", module_name, "-" * len(module_name), ""]
        index += [f".. py:module:: {module_name}", "", ".. py:currentmodule:: None", ""]
        index += [summary, ""]
        here, elsewhere = [], []
        for name in sorted(module.__all__, key=str.lower):
            value = getattr(module, name)
            fullname = f"{module_name}.{name}"
            if inspect.ismodule(value):
                continue  # it has a section of its own
            if top.get(id(value), fullname) != fullname:
                elsewhere.append(f":py:obj:`~{top[id(value)]}`")
            else:
                here.append(fullname)
                pages[f"generated/{fullname}.rst"] = _format_object(module_name, name, value)
        if elsewhere:
            index += [f"Also here, documented above: {', '.join(elsewhere)}.", ""]
        if here:
            index += [".. autosummary::", "   :nosignatures:", ""]
            index += [*(f"   ~{name}" for name in here), ""]
            index += [".. toctree::", "   :hidden:", f"   :caption: {module_name}", ""]
            index += [f"   generated/{name}" for name in here]
    return {"index.rst": "\n".join(index) + "\n", **pages}


def _format_object(module_name, name, value):
    kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
    page = [name, "=" * len(name), "", f".. py:currentmodule:: {module_name}", ""]
    page += [f".. auto{kind}:: {name}", ""]
    if kind == "class":
        for member, what in _own_members(value):
            page += [f"   .. auto{what}:: {member}", ""]
    return "\n".join(page)


def _own_members(cls):
    """List the documented public members that are written in skmolal, properties first.

    What scikit-learn and modAL add to every class is documented there.
    """
    found = {}
    for base in inspect.getmro(cls):
        if base.__module__.partition(".")[0] != "skmolal":
            continue
        for member, value in vars(base).items():
            if member.startswith("_") or member.endswith("_request"):
                continue
            if isinstance(value, property) and value.__doc__:
                found.setdefault(member, "property")
            elif (
                callable(getattr(cls, member))
                and not inspect.isclass(value)
                and inspect.getdoc(getattr(cls, member))  # its own, or that of a base
            ):
                found.setdefault(member, "method")
    return sorted(found.items(), key=lambda item: item[1] == "method")


def write_pages(app, config):
    """Write the pages that have changed, before Sphinx looks for its sources; drop old ones."""
    folder = Path(app.srcdir) / "api"
    pages = format_pages()
    (folder / "generated").mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in (folder / "generated").glob("*.rst"):
        if f"generated/{path.name}" not in pages:
            path.unlink()


def resolve_by_name(app, env, node, contnode):
    """Resolve a name of ours by its last part.

    ``skmolal.descriptors.MBTRTransformer`` is documented as ``skmolal.MBTRTransformer``, and
    docstrings name their neighbours without a module.
    """
    if node.get("refdomain") != "py":
        return None
    package, _, name = node.get("reftarget", "").rpartition(".")
    if package.partition(".")[0] not in ("", "skmolal"):
        return None
    objects = env.get_domain("py").objects
    found = [known for known in objects if known == name or known.endswith(f".{name}")]
    found = [known for known in found if not objects[known].aliased]
    if len(found) != 1:
        return None
    return env.get_domain("py").resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], found[0], node, contnode
    )


def escape_names(app, what, name, obj, options, lines):
    """Set ``(n_features_in_,)`` as code: reST takes a name that ends in ``_`` for a link."""
    lines[:] = [re.sub(r"\((\w+_),\)", r"(``\1``,)", line) for line in lines]


def setup(app):
    """Register the hooks."""
    app.connect("config-inited", write_pages)
    app.connect("missing-reference", resolve_by_name)
    app.connect("autodoc-process-docstring", escape_names, priority=400)  # before numpydoc
    return {"parallel_read_safe": True}
