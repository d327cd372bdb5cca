"""The template, deployed: what `sam deploy` does of it, on a cloud of this machine."""

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines.ministack import Cloud

from .routes import add_routes
from .template import whole

ARTEFACTS = "artefacts"
PACKAGE = "function.zip"
DEPLOY_SECONDS = 120.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    """Logical -> physical name."""


@contextlib.contextmanager
def deployed(
    cloud: Cloud, name: str, package: Path, parameters: Mapping[str, str]
) -> Iterator[Stack]:
    """The template as a stack for the length of the block, with the functions of that folder."""
    artefacts, cloudformation = cloud.client("s3"), cloud.client("cloudformation")
    artefacts.create_bucket(Bucket=ARTEFACTS)
    artefacts.put_object(Bucket=ARTEFACTS, Key=PACKAGE, Body=_zipped(package))
    template = whole()
    # `sam deploy` uploads the folder, too, and names it so.
    template["Globals"]["Function"]["CodeUri"] = f"s3://{ARTEFACTS}/{PACKAGE}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
    made = _finished(cloudformation, name, "CREATE_COMPLETE")
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    stack = Stack(
        name,
        {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]},
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
    )
    processed = cloudformation.get_template(StackName=name, TemplateStage="Processed")
    add_routes(
        cloud.client("apigatewayv2"),
        stack.resources["Gateway"],
        processed["TemplateBody"]["Resources"]["Gateway"]["Properties"]["Body"],
        function=cloud.client("lambda").get_function(FunctionName=stack.resources["Api"])[
            "Configuration"
        ]["FunctionArn"],
        parameters=parameters,
    )
    yield stack
    cloudformation.delete_stack(StackName=name)
    _finished(cloudformation, made["StackId"], "DELETE_COMPLETE")


def _finished(cloudformation: Any, stack: str, wanted: str) -> dict[str, Any]:
    """The stack when it is as wanted; AssertionError with the reasons when it never will be."""
    deadline = time.monotonic() + DEPLOY_SECONDS
    while True:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, f"{stack} is still {found['StackStatus']}"
        time.sleep(POLL_SECONDS)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [
        (each["LogicalResourceId"], each.get("ResourceStatusReason"))
        for each in events
        if each["ResourceStatus"].endswith("_FAILED")
    ]
    assert (found["StackStatus"], failed) == (wanted, [])
    ours: dict[str, Any] = found
    return ours


def _zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            zipped.write(file, file.relative_to(folder))
    return archive.getvalue()
