"""The stack as a construct of the AWS CDK: `from tallies.cdk import Tallies`.

Needs the extra `cdk`, and Node.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallies.cdk.construct import Tallies

__all__ = ["Tallies"]


def __getattr__(name: str) -> Any:
    # Only when it is asked for: the CDK starts Node, and what packs the functions needs none.
    if name == "Tallies":
        try:
            from tallies.cdk.construct import Tallies
        except ModuleNotFoundError as error:
            raise ImportError(
                f"The construct needs {error.name}; pip install 'tallies[cdk]'."
            ) from None
        return Tallies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
