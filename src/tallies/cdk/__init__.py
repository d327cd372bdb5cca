"""The stack as a construct of the AWS CDK: `from tallies.cdk import Tallies`.

Needs the extra `cdk`, and Node.
"""

import os
import shutil
from typing import TYPE_CHECKING, Any

from tallies.cdk.capacity import Capacity

if TYPE_CHECKING:
    from tallies.cdk.construct import Tallies

__all__ = ["Capacity", "Tallies"]


def __getattr__(name: str) -> Any:
    # Only when it is asked for: the CDK starts Node, which packaging the functions does not need.
    if name == "Tallies":
        if shutil.which(os.environ.get("JSII_NODE", "node")) is None:
            raise ImportError("The construct needs Node, as the CDK does; install it (nodejs.org).")
        try:
            from tallies.cdk.construct import Tallies
        except ModuleNotFoundError as error:
            raise ImportError(
                f"The construct needs {error.name}; pip install 'tallies[cdk]'."
            ) from None
        return Tallies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
