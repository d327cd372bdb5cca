"""A cloud to deploy to, and its people. Starting it takes long: all tests here share one."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallies.cdk.functions import gather
from tests.engines.dynamodb import REGION
from tests.engines.fixtures import in_ci, missing_engine_skips
from tests.engines.ministack import Cloud, ministack

from .gathered import gather_installed
from .members import Member


@pytest.fixture(scope="package")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose build/function holds what deploy/package.py gathers, but for the Python and
    the processor of this machine: ministack runs the functions on them. Outside of continuous
    integration it is of the versions that are installed here."""
    folder = tmp_path_factory.mktemp("package")
    function = folder / "build" / "function"
    if in_ci():
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        gather(function, python=python, platforms=())
    else:
        gather_installed(function)
    return folder


@pytest.fixture(scope="package")
def cloud() -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch, missing_engine_skips(), ministack() as running:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in running.env.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="package")
def ann(cloud: Cloud) -> Member:
    """Somebody in a user pool."""
    pools = cloud.client("cognito-idp")
    pool = pools.create_user_pool(PoolName="members")["UserPool"]["Id"]
    client = pools.create_user_pool_client(
        UserPoolId=pool, ClientName="app", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    pools.admin_create_user(UserPoolId=pool, Username="ann")
    secret = {"UserPoolId": pool, "Username": "ann", "Password": "Noodles-4-ever"}
    pools.admin_set_user_password(**secret, Permanent=True)
    answer = pools.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": secret["Password"]},
    )
    (attribute,) = [
        each["Value"]
        for each in pools.admin_get_user(UserPoolId=pool, Username="ann")["UserAttributes"]
        if each["Name"] == "sub"
    ]
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool}"
    return Member(issuer, client, attribute, answer["AuthenticationResult"]["IdToken"])
