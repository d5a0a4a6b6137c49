"""What the package promises as a whole: fast imports, layers, documented names."""

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import skmolal
from skmolal._docstrings import share_docs
from skmolal._optional import import_optional

ROOT = Path(skmolal.__file__).parent

# Layers from bottom to top: a module imports from lower lines only (its own line is itself).
LAYERS = [
    {"_docstrings", "_optional", "_doc_link", "_numba"},
    {"molecules"},
    {"_rows", "_threads", "_columns"},
    {"metrics", "datasets"},
    {"oracles"},
    {"gaussian_process", "descriptors"},
    {"models", "delta"},
    {"acquisition"},
    {"query_strategies"},
    {"learners", "batch_sizes", "ensemble"},
    {"compat", "stopping"},
    {"storage", "report"},
    {"_workers"},
    {"active_learning"},
    {"model_selection", "library"},
    {"plotting"},
    {"cli"},
]


def test_import_is_light():
    code = (
        "import sys, skmolal; "
        "heavy = {'jax', 'matplotlib', 'dscribe', 'ase', 'sklearn', 'pandas', 'numba', 'rdkit', "
        "'sqlalchemy', 'jinja2', 'plotly'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_of_dense_features_loads_no_numba():
    code = (
        "import sys, numpy as np; from skmolal import GaussianProcessRegressor; "
        "X = np.eye(3); GaussianProcessRegressor(alpha=0.1).fit(X, X[0]).predict(X); "
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("module", ["query_strategies", "active_learning", "metrics", "learners"])
def test_numpy_layers_need_no_jax_matplotlib_or_dscribe(module):
    code = (
        f"import sys, skmolal.{module}; "
        "print(sorted({'jax', 'matplotlib', 'dscribe'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_workers_start_with_what_they_need_alone():
    code = (
        "import sys, skmolal._workers._work; "
        "print(sorted({'numpy', 'sklearn', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_global_flag_is_set_by_any_module():
    names = [
        m.name
        for m in pkgutil.walk_packages(skmolal.__path__, "skmolal.")
        if "__main__" not in m.name
    ]
    code = (
        "import importlib, numpy, jax, warnings\n"
        "before = (numpy.geterr(), numpy.get_printoptions(), jax.config.values.copy(), "
        "list(warnings.filters))\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "after = (numpy.geterr(), numpy.get_printoptions(), jax.config.values.copy())\n"
        "assert after == before[:3]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_exists():
    assert sorted(skmolal.__all__) == sorted(dir(skmolal))
    for name in skmolal.__all__:
        assert getattr(skmolal, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        skmolal.nonsense  # noqa: B018


def test_imports_point_down():
    layer = {name: k for k, names in enumerate(LAYERS) for name in names}
    found = {p.stem for p in ROOT.glob("*.py")} | {p.name for p in ROOT.iterdir() if p.is_dir()}
    assert found - {"__init__", "__pycache__"} == set(layer)
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names = [node.module]
                if node.module == "skmolal":
                    names = [f"skmolal.{alias.name}" for alias in node.names]
            for name in names:
                target = name.split(".")[1:2] if name.startswith("skmolal.") else []
                if target and target[0] in layer and target[0] != parts[0]:
                    assert layer[target[0]] < layer[parts[0]], f"{path} imports {name}"


def public_objects():
    modules = [skmolal] + [
        importlib.import_module(f"skmolal.{name}")
        for name in sorted(skmolal.__all__)
        if inspect.ismodule(getattr(skmolal, name))
    ]
    for module in modules:
        for name in module.__all__:
            obj = getattr(module, name)
            if inspect.ismodule(obj) or name.startswith("__"):
                continue
            yield f"{module.__name__}.{name}", obj
            if inspect.isclass(obj):
                for method, value in vars(obj).items():
                    if not method.startswith("_") and callable(value):
                        owner = next(base for base in obj.__mro__ if is_documented(base, method))
                        yield f"{owner.__module__}.{owner.__qualname__}.{method}", value


def is_documented(cls, method):
    """Tell whether a class itself says what a method does; subclasses inherit the words."""
    return bool(getattr(vars(cls).get(method), "__doc__", None))


def test_shared_paragraphs_stand_in_the_docstrings():
    paragraphs = share_docs(
        size="""
            size : int
                A size,
                in angstrom.
            """
    )

    @paragraphs
    def area(size):
        """Compute an area.

        Parameters
        ----------
        %(size)s
        """

    lines = inspect.cleandoc(area.__doc__).splitlines()
    assert lines[4:] == ["size : int", "    A size,", "    in angstrom."]
    for name, obj in public_objects():
        assert "%(" not in (obj.__doc__ or ""), name


def test_a_missing_package_is_named_by_what_installs_it(monkeypatch):
    assert import_optional("json.decoder", "reading").JSONDecodeError is json.JSONDecodeError
    monkeypatch.setitem(sys.modules, "sage", None)
    with pytest.raises(ImportError, match=r"^Tea needs sage: python -m pip install sage$"):
        import_optional("sage.leaves", "Tea")
    with pytest.raises(ImportError, match=r"python -m pip install herb-sage$"):
        import_optional("sage", "Tea", package="herb-sage")


def test_a_package_that_misses_another_says_so_itself(monkeypatch, tmp_path):
    (tmp_path / "sage_broken.py").write_text("import leaves_that_are_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="leaves_that_are_not_there"):
        import_optional("sage_broken", "Tea")


@pytest.mark.parametrize("name", sorted({name for name, _ in public_objects()}))
def test_docstrings_follow_numpydoc(name):
    from numpydoc.validate import validate

    # No extended summary, "See Also" or example is asked of every method; a Returns section may
    # name its values; numpydoc counts inherited scikit-learn methods' own style, not ours.
    ignored = {"ES01", "SA01", "EX01", "RT02", "GL08", "SA04", "YD01"}
    errors = [e for e in validate(name)["errors"] if e[0] not in ignored]
    assert not errors, errors
