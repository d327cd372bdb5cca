"""The engines that tests run on: DynamoDB Local, and the Lambda runtime under its emulator.

Real parts, not imitations: the conditions, transactions and streams are those of Amazon's own
engine, and handlers run in the runtime client that runs them in Lambda. The archives are fetched
once (`python -m tests.engines fetch`) into a folder that git ignores.
"""

from .dynamodb import DynamoDBAccount, dynamodb_local, make_streamed_table
from .errors import EngineError, EngineMissingError, FunctionError, FunctionTimeoutError
from .lambda_rie import LambdaFunction, lambda_runtime

__all__ = [
    "DynamoDBAccount",
    "EngineError",
    "EngineMissingError",
    "FunctionError",
    "FunctionTimeoutError",
    "LambdaFunction",
    "dynamodb_local",
    "lambda_runtime",
    "make_streamed_table",
]
