"""The regressor keeps scikit-learn's promises: its estimator checks, and its own test module."""

from pathlib import Path

import pytest
import sklearn.gaussian_process
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmolal import GaussianProcessRegressor

_UPSTREAM = Path(sklearn.gaussian_process.__file__).parent / "tests" / "test_gpr.py"

# Cases of scikit-learn's own tests that cannot hold for us, with the reason; at most five.
_UPSTREAM_EXCEPTIONS: dict[str, str] = {}


# The checks fit noise and constants, on which optima lie at bounds and L-BFGS gives up:
# scikit-learn's regressor warns there too.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Predicted variances smaller than 0")
@pytest.mark.filterwarnings("ignore:All .* predicted standard deviations are equal")
@parametrize_with_checks(
    [
        GaussianProcessRegressor(),
        # The checks switch warm starts off, and reoptimize_growth is then without effect.
        GaussianProcessRegressor(warm_start=True, reoptimize_growth=2.0),
        GaussianProcessRegressor(reoptimize_growth=2.0),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.skipif(not _UPSTREAM.is_file(), reason="scikit-learn's tests are not installed")
def test_upstream_tests_pass(tmp_path):
    """Run scikit-learn's tests of its regressor with ours in its place."""

    class Plugin:
        def __init__(self):
            self.failed, self.passed = set(), 0

        def pytest_runtest_logreport(self, report):
            if report.failed:
                self.failed.add(report.nodeid.split("::")[-1])
            self.passed += report.when == "call" and report.passed

    old = "from sklearn.gaussian_process import GaussianProcessRegressor"
    source = _UPSTREAM.read_text(encoding="utf-8")
    assert source.count(old) == 1
    path = tmp_path / "test_upstream_gpr.py"
    path.write_text(
        source.replace(old, "from skmolal import GaussianProcessRegressor"), encoding="utf-8"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = default\n", encoding="utf-8")
    plugin = Plugin()
    pytest.main(
        ["-q", "--no-header", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(path)],
        plugins=[plugin],
    )
    assert len(_UPSTREAM_EXCEPTIONS) <= 5
    assert plugin.failed == set(_UPSTREAM_EXCEPTIONS)
    assert plugin.passed > 100
