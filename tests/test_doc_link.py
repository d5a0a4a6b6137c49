"""Links from HTML diagrams to the documentation."""

import importlib
import importlib.util
import inspect
import tomllib
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge

import skmolal
from skmolal._doc_link import DOCUMENTATION

ROOT = Path(skmolal.__file__).parents[1]
API_PAGES = ROOT / "docs" / "sphinxext" / "api_pages.py"


def public_estimators():
    found = {}
    for name in sorted(skmolal.__all__):
        module = getattr(skmolal, name)
        if not inspect.ismodule(module):
            continue
        for cls in (getattr(module, name) for name in module.__all__):
            if inspect.isclass(cls) and issubclass(cls, BaseEstimator) and hasattr(cls, "fit"):
                found[cls.__name__] = cls
    return found


def make(cls):
    if cls is skmolal.CommitteeRegressor:
        return cls([skmolal.ActiveLearner(Ridge())])
    parameters = inspect.signature(cls).parameters
    if "regressor" in parameters:
        return cls(Ridge(), columns=slice(1))
    return cls(Ridge()) if "estimator" in parameters else cls()


def test_every_kind_of_estimator_is_found():
    names = "ActiveLearner ActiveLearningRegressor EnsembleRegressor GaussianProcessRegressorCV"
    assert public_estimators().keys() > {*names.split(), "MBTRTransformer", "SOAPTransformer"}


@pytest.mark.parametrize("name", public_estimators())
def test_every_estimator_links_to_its_page(name):
    estimator = make(public_estimators()[name])
    link = estimator._get_doc_link()
    assert link.startswith(f"{DOCUMENTATION}api/generated/skmolal.")
    assert f'href="{link}"' in estimator._repr_html_()
    assert f'href="{link}"' in estimator._repr_mimebundle_()["text/html"]


@pytest.mark.skipif(not API_PAGES.is_file(), reason="the documentation is not beside the package")
def test_the_pages_are_those_of_the_documentation():
    spec = importlib.util.spec_from_file_location("api_pages", API_PAGES)
    api_pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api_pages)
    pages = {f"{DOCUMENTATION}api/{Path(p).with_suffix('.html')}" for p in api_pages.format_pages()}
    links = {make(cls)._get_doc_link() for cls in public_estimators().values()}
    assert links <= pages


@pytest.mark.skipif(not API_PAGES.is_file(), reason="no pyproject.toml beside the package")
def test_the_documentation_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"]["Documentation"] == DOCUMENTATION


def test_the_class_of_a_user_has_no_page():
    class Mine(skmolal.GaussianProcessRegressor):
        pass

    assert Mine()._get_doc_link() == ""
    assert DOCUMENTATION not in Mine()._repr_html_()
