"""The template, deployed by the commands of the operations page, on a cloud of this machine."""

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.template import TEMPLATE
from tests.engines.fetched import environments
from tests.engines.ministack import Cloud

from .routes import add_routes
from .sam import started

ROOT = TEMPLATE.parents[1]
OPERATIONS = ROOT / "docs" / "operations.md"
OWN_TABLE = ROOT / "docs" / "own-table.md"
COMMAND_SECONDS = 300.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    """Logical -> physical name."""


IN_TRANSACTIONS = "Layout=transactions"
"""The cloud here keeps no tumbling windows: its events name no shard, and rows that hold their own
positions need one. With those the function runs in the tests of `runtimes/aws_lambda`."""


@contextlib.contextmanager
def deployed(
    cloud: Cloud,
    folder: Path,
    name: str,
    *,
    issuer: str,
    audience: str,
    origins: str = "",
    parameters: str = IN_TRANSACTIONS,
    deleted_by_sam: bool = True,
) -> Iterator[Stack]:
    """The template as a stack for the length of the block.

    The folder holds the functions where the template looks for them, in build/function.
    `parameters` are those besides. To be deleted by the service itself takes a second less than by
    the command of the page.
    """
    variables = {"STACK": name, "ISSUER": issuer, "AUDIENCE": audience, "ORIGINS": origins}
    cors = '"CorsOrigins=$ORIGINS"' if origins else ""
    made = _deploy(cloud, folder, variables, OPERATIONS, f"{cors} {parameters}")
    yield _with_routes(cloud, name, made)
    if deleted_by_sam:
        _run(_command("sam delete"), cloud, folder, variables)
    else:
        _delete(cloud, name)


def billed_anew(
    cloud: Cloud, folder: Path, name: str, *, issuer: str, audience: str, billing: str
) -> None:
    """Deploy such a stack once more, with other parameters of its billing."""
    variables = {"STACK": name, "ISSUER": issuer, "AUDIENCE": audience}
    _deploy(cloud, folder, variables, OPERATIONS, billing)


@contextlib.contextmanager
def deployed_over(
    cloud: Cloud, folder: Path, name: str, *, stream: str, issuer: str, audience: str
) -> Iterator[Stack]:
    """The same template over a table that is there already, by the command of its page."""
    variables = {"STACK": name, "STREAM": stream, "ISSUER": issuer, "AUDIENCE": audience}
    with_api = '"JwtIssuer=$ISSUER" "JwtAudience=$AUDIENCE"'
    made = _deploy(cloud, folder, variables, OWN_TABLE, f"{with_api} {IN_TRANSACTIONS}")
    yield _with_routes(cloud, name, made)
    _run(_command("sam delete"), cloud, folder, variables)


@contextlib.contextmanager
def deployed_cloud_assembly(cloud: Cloud, folder: Path, name: str) -> Iterator[Stack]:
    """What the CDK has synthesised, as a stack: its files are put where its template has them."""
    storage, cloudformation = cloud.client("s3"), cloud.client("cloudformation")
    for asset in json.loads((folder / f"{name}.assets.json").read_text())["files"].values():
        source = folder / asset["source"]["path"]
        if source.is_dir():
            packed = shutil.make_archive(str(folder / "packed"), "zip", source)
            source = Path(packed)
        for place in asset["destinations"].values():
            with contextlib.suppress(storage.exceptions.BucketAlreadyOwnedByYou):
                storage.create_bucket(Bucket=place["bucketName"])
            storage.upload_file(str(source), place["bucketName"], place["objectKey"])
    template = (folder / f"{name}.template.json").read_text()
    capabilities = ["CAPABILITY_IAM"]
    cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=capabilities)
    _wait(cloudformation, "stack_create_complete", name)
    (made,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    described = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    yield Stack(
        {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]},
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in described},
    )
    _delete(cloud, name)


def _delete(cloud: Cloud, name: str) -> None:
    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    _wait(cloudformation, "stack_delete_complete", name)


def _wait(cloudformation: Any, state: str, name: str) -> None:
    often = {"Delay": POLL_SECONDS, "MaxAttempts": int(COMMAND_SECONDS / POLL_SECONDS)}
    cloudformation.get_waiter(state).wait(StackName=name, WaiterConfig=often)


def _with_routes(cloud: Cloud, name: str, made: Any) -> Stack:
    cloudformation = cloud.client("cloudformation")
    described = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in described}
    processed = cloudformation.get_template(StackName=name, TemplateStage="Processed")
    api = cloud.client("lambda").get_function(FunctionName=resources["Api"])
    add_routes(
        cloud.client("apigatewayv2"),
        resources["Gateway"],
        processed["TemplateBody"]["Resources"]["Gateway"]["Properties"]["Body"],
        function=api["Configuration"]["FunctionArn"],
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]},
    )
    return Stack({each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}, resources)


def _deploy(
    cloud: Cloud, folder: Path, variables: Mapping[str, str], page: Path, parameters: str = ""
) -> Any:
    (folder / "deploy").mkdir(exist_ok=True)
    shutil.copy2(TEMPLATE, folder / "deploy")
    command = f"{_command('sam deploy', page).rstrip()} {parameters}"
    _run(command, cloud, folder, variables)
    described = cloud.client("cloudformation").describe_stacks(StackName=variables["STACK"])
    (made,) = described["Stacks"]
    return made


def _command(begins: str, page: Path = OPERATIONS) -> str:
    """The command of a page that begins so, to the end of its block."""
    (found,) = re.findall(rf"^({begins} .*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def _run(command: str, cloud: Cloud, folder: Path, variables: Mapping[str, str]) -> None:
    """Run a command of a page: bash has its words, and SAM gets what they come to."""
    sam = started(environments.ensure(environments.SAM))
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),  # its settings and its telemetry's id are kept there
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": str(POLL_SECONDS),  # else 5 s pass before it looks again
        "AWS_ENDPOINT_URL": cloud.endpoint,
        **cloud.env,
        **variables,
    }
    words = subprocess.run(
        ["bash", "-euc", f"sam() {{ printf '%s\\0' \"$@\"; }}\n{command}"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    assert words.returncode == 0, words.stderr
    code, said = sam.run(words.stdout.split("\0")[:-1], env, folder, COMMAND_SECONDS)
    assert code == 0, said[-3000:]
