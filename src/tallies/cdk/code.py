"""The functions' code as an asset of the stack, gathered only when a stack needs it."""

import shutil
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from tallies.cdk import functions
from tallies.core.errors import InvalidInput


def asset_of(scope: Construct, folder: Path | None, declaration: str | None) -> assets.Asset:
    """The asset `Code`: what is in a folder, or else what pip gathers; and the declaration.

    Raises:
        InvalidInput: the folder holds no package of tallies.
    """
    if folder is not None and not (folder / functions.PACKAGE.name).is_dir():
        raise InvalidInput(
            f"{folder} holds no package of tallies; gather one there with deploy/package.py."
        )
    return assets.Asset(
        scope,
        "Code",
        path=str((folder or functions.PACKAGE).resolve()),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=functions.digest(folder, declaration),
        bundling=cdk.BundlingOptions(
            # Never pulled: what is local does not decline.
            image=cdk.DockerImage.from_registry("public.ecr.aws/sam/build-python3.13"),
            local=_Gathering(folder, declaration),
        ),
    )


@jsii.implements(cdk.ILocalBundling)
class _Gathering:
    """Fills the folder that becomes the functions' code."""

    def __init__(self, folder: Path | None, declaration: str | None) -> None:
        self._folder = folder
        self._declaration = declaration

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        out = Path(output_dir)
        if self._folder is None:
            functions.gather(out, self._declaration)
        else:
            shutil.copytree(self._folder, out, dirs_exist_ok=True)
            functions.add_declaration(out, self._declaration)
        return True
