"""Running estimators on OpenML's tasks, publishing the runs and comparing them.

openml-python does the work. Added here are checks before it, a progress bar, tags, time limits,
and care that nothing computed is lost and that the API key is seen nowhere.
"""

from skdl.openml._comparing import compare
from skdl.openml._publishing import publish_run
from skdl.openml._server import OpenMLError
from skdl.openml._tasks import run_on_task
from skdl.openml._values import check_model

__all__ = ["OpenMLError", "check_model", "compare", "publish_run", "run_on_task"]

for _name in __all__:  # the public place
    globals()[_name].__module__ = __name__
