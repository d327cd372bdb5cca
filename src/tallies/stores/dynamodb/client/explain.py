"""What an error of the AWS client means, in one sentence that names the thing and the remedy."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from tallies.core.errors import NotInitialised, StoreError, StoreUnavailable, WrongStore
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired

Client = TypeVar("Client")

# The service works, but refuses this request now. Asking again may help, and does no harm where the
# request is guarded.
TRANSIENT_CODES = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "ThrottlingException",
        "ThrottledException",
        "Throttling",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_REFUSED_CREDENTIALS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "InvalidAccessKeyId",
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
    }
)
_EXPIRED_CREDENTIALS = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})
# "User: arn is not authorized to perform: dynamodb:PutItem on resource: arn because ..."
_DENIED = re.compile(r"perform: ([\w:]+)(?: on resource: (\S+))?")
_ANSWERS = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
"""Refusals by a condition of the caller: answers, not errors."""


def error_code(error: ClientError) -> str:
    """The service's name for an error."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def explained(client: Client, what: str) -> Client:
    """The same client, raising errors of ours; `what` names the thing that it is asked about.

    Failed conditions still come as botocore's ClientError: they are answers to what was asked.
    """
    return cast("Client", _Explained(client, what))


class _Explained:
    def __init__(self, client: Any, what: str) -> None:
        self._client = client
        self._what = what

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        what = self._what

        @wraps(method)
        def call(**arguments: Any) -> Any:
            try:
                return method(**arguments)
            except ClientError as error:
                if error_code(error) in _ANSWERS:
                    raise
                explain(error, arguments.get("TableName", what), self._client)
            except (BotoCoreError, HTTPClientError) as error:
                explain(error, what, self._client)

        self.__dict__[name] = call
        return call


def explain(error: Exception, what: str, client: Any = None) -> NoReturn:
    """Raise an error of ours that says what an error of botocore means.

    Raises:
        StoreError: always; the subclass says of what kind.
    """
    meta = getattr(client, "meta", None)
    where = f"{meta.endpoint_url} (region {meta.region_name})" if meta else "the service"
    if isinstance(error, ClientError):
        raise _of_code(error, what, where) from error
    raise _of_transport(error, where) from error


def _of_code(error: ClientError, what: str, where: str) -> StoreError:
    code, text = error_code(error), _message(error.response)
    match code:
        case "ResourceNotFoundException":
            return NotInitialised(
                f"There is no {_thing(what)} at {where}; check region, prefix and endpoint, or make"
                " the tables with `tallies init`."
            )
        case "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation":
            denied = _DENIED.search(text)
            action = denied[1] if denied else "an action"
            resource = (denied and denied[2]) or _thing(what)
            return StoreError(
                f"IAM denies {action} on {resource}; allow it in"
                " the policy of the role or user whose credentials are in use."
            )
        case "TrimmedDataAccessException":
            return HistoryTrimmed(
                "The stream has dropped records (it keeps 24 hours) before they were applied;"
                " `tallies rebuild` makes the tallies right again."
            )
        case "ExpiredIteratorException":
            return IteratorExpired("The shard iterator is too old; ask for a new one.")
        case _ if code in _EXPIRED_CREDENTIALS:
            return StoreError("The AWS credentials have expired; renew them (aws sso login).")
        case _ if code in _REFUSED_CREDENTIALS:
            return StoreError(
                f"{where} refuses the AWS credentials; check AWS_PROFILE or AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY, and the machine's clock."
            )
        case _ if code in TRANSIENT_CODES:
            return StoreUnavailable(f"{where} is throttling or failing ({code}); try again.")
        case "ValidationException":
            return WrongStore(f"DynamoDB refuses a request about {_thing(what)}: {text}")
    return StoreError(f"DynamoDB refuses a request about {_thing(what)}: {code}: {text}")


def _of_transport(error: Exception, where: str) -> StoreError:
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            return StoreError(
                "No AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY (any values do for DynamoDB Local)."
            )
        case aws.ProfileNotFound() | aws.CredentialRetrievalError() | aws.TokenRetrievalError():
            return StoreError(f"The AWS credentials cannot be had: {_sentence(error)}")
        case aws.NoRegionError():
            return StoreError("No AWS region is named; write dynamodb://REGION/PREFIX.")
        case aws.ReadTimeoutError() | aws.ConnectTimeoutError() | aws.ConnectionClosedError():
            return StoreUnavailable(f"{where} does not answer in time; try again.")
        case aws.SSLError():
            return StoreUnavailable(
                f"{where} does not speak TLS as it should; check that the endpoint begins with"
                " http:// or https:// as it needs."
            )
        case aws.HTTPClientError() | aws.ConnectionError():
            return StoreUnavailable(
                f"{where} cannot be reached; check the region, the endpoint and the network."
            )
    return StoreError(f"The AWS client failed at {where}: {_sentence(error)}")


def _message(response: Mapping[str, Any]) -> str:
    found = response.get("Error", {})
    return str(found.get("Message") or response.get("message") or "no reason given")


def _sentence(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if text.endswith(".") else text + "."


def _thing(what: str) -> str:
    return what if " " in what else f"table {what}"
