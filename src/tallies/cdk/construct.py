"""The construct: what the template makes, in a stack of your own.

```python
from tallies.cdk import Tallies

orders = dynamodb.TableV2(..., dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES)
counts = Tallies(self, "Counts", table=orders, declaration="orders.toml")
counts.grant_read(dashboard_function)
```
"""

import tempfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sns as sns
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

from tallies.cdk import functions, template
from tallies.cdk.capacity import Capacity
from tallies.cdk.capacity import check as check_capacity
from tallies.cdk.code import asset_of
from tallies.cdk.source import check_source
from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import InvalidInput, InvalidTally
from tallies.http.service.cors import check_origin
from tallies.stores.dynamodb.rows.ranking import RANKING_INDEX, ranked_component
from tallies.stores.dynamodb.stream.event_filter import event_patterns

Resource = TypeVar("Resource", bound=cdk.CfnResource)

MAX_PREFIX = 100
"""Characters of a generated prefix: names of tables and of log groups begin with it."""


class Tallies(Construct):
    """Tallies of a table, kept by a function that the table's stream calls; or the favorites.

    The parameters are those of the template, and so are their defaults.
    """

    aggregator: lambda_.IFunction
    """The function that the stream calls."""
    api: lambda_.IFunction | None
    """The function behind the HTTP API; None where there is no API."""
    tallies_table: dynamodb.ITable
    """The table that holds the tallies."""
    favorites_table: dynamodb.ITable | None
    """The table of the favorites; None where the tallies are of a table of your own."""
    alarms: Mapping[str, cloudwatch.IAlarm]
    """The alarms, by the names that the operations page gives them."""
    url: str | None
    """Where the HTTP API answers."""
    store: str
    """For the command line: `tallies status --store ...`."""
    included: CfnInclude
    """Each resource by its name in the template: `included.get_resource("Failures")`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - as every construct calls it
        *,
        table: dynamodb.ITable | None = None,
        declaration: str | PathLike[str] | None = None,
        prefix: str | None = None,
        jwt_issuer: str | None = None,
        jwt_audience: Sequence[str] = (),
        cors_origins: Sequence[str] = (),
        layout: Literal["transactions", "rows"] | None = None,
        batch_size: int | None = None,
        batching_window: cdk.Duration | None = None,
        tumbling_window: cdk.Duration | None = None,
        capacity: Capacity | None = None,
        aggregator_tracing: lambda_.Tracing | None = None,
        log_retention: int | None = None,
        alarm_topic: sns.ITopic | None = None,
        code: str | PathLike[str] | None = None,
    ) -> None:
        """Make the tallies of `table`, as the file `declaration` says.

        Args:
            scope: What the construct is in.
            id: Its name there.
            table: The table to tally, with a stream of new and old images; without it there is one
                of favorites.
            declaration: A file that declares the tallies; of favorites it may be left out. If
                `table` has no name yet, it takes the place of the table named there.
            prefix: The tables are named PREFIX-favorites and PREFIX-tallies; by default it is made
                from the path of the construct.
            jwt_issuer: Only tokens of this issuer may mark and unmark; over a table of your own,
                only they may ask, and without an issuer there is no API.
            jwt_audience: Only tokens for one of these audiences.
            cors_origins: Pages of these origins may use the API.
            layout: How the tallies of a new stack are kept: `rows` by default;
                `transactions` takes three to four times the write units.
            batch_size: Most change records of one invocation.
            batching_window: Time to gather a batch; the tallies are about this far behind.
            tumbling_window: Only its presence matters; it names the shard.
            capacity: Provisioned capacity of the tallies; without it they are billed on demand.
            aggregator_tracing: Traces of each call of the aggregator.
            log_retention: Days.
            alarm_topic: Where alarms are sent.
            code: A folder with what the functions need, for a build without a network; by default
                pip gathers it when the stack is synthesised.

        Raises:
            InvalidInput: the stack could not work; the sentence says why.
            WrongStore: the table has no stream, or one without new and old images.
        """
        super().__init__(scope, id)
        declared, text = _declared(declaration)
        check_source(self, table, declared)
        made_of = template.read()
        self._statements = made_of["Resources"]["ApiRole"]["Properties"]["Policies"][0][
            "PolicyDocument"
        ]["Statement"]
        prefix = prefix or cdk.Names.unique_resource_name(
            self, max_length=MAX_PREFIX, separator="-"
        )
        if cdk.Token.is_unresolved(prefix):
            raise InvalidInput("The prefix has to be known when the stack is synthesised.")
        if bool(jwt_issuer) != bool(jwt_audience):
            raise InvalidInput("jwt_issuer and jwt_audience go together; give both, or neither.")
        if isinstance(jwt_audience, str):
            raise InvalidInput("jwt_audience is a list of texts.")
        if cors_origins and not jwt_issuer:
            raise InvalidInput("cors_origins are of an API, which takes a jwt_issuer.")
        given = {
            **(capacity.parameters() if capacity else {}),
            "Prefix": prefix,
            "JwtIssuer": jwt_issuer,
            "JwtAudience": list(jwt_audience),
            "CorsOrigins": _origins(cors_origins),
            "SourceStream": table and table.table_stream_arn,
            "Declaration": text and functions.DECLARATION,
            "RankedMeasure": _ranked(declared),
            "Layout": layout,
            "BatchSize": batch_size,
            "BatchingWindow": batching_window and batching_window.to_seconds(),
            "TumblingWindow": tumbling_window and tumbling_window.to_seconds(),
            "AggregatorTracing": aggregator_tracing and _TRACING[aggregator_tracing],
            "LogRetention": log_retention,
            "AlarmTopic": alarm_topic and alarm_topic.topic_arn,
        }
        given = {name: value for name, value in given.items() if value is not None}
        template.check(made_of, given, _is_known)
        values = template.defaults(made_of) | given
        check_capacity(values, _is_known)
        decided = template.decided(
            made_of, values, None if declared is None else event_patterns(declared.tallies)
        )
        # A dashboard's name holds no dots.
        self._include(template.plain(decided, named=prefix.replace(".", "-")), values)
        self._put_code(asset_of(self, None if code is None else Path(code), text))

    def _include(self, plain: template.Template, values: Mapping[str, Any]) -> None:
        """Make what the template makes, and the attributes that others may use."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "template.json"
            file.write_text(template.as_json(plain), encoding="utf-8")
            self.included = CfnInclude(
                self,
                "Template",
                template_file=str(file),
                parameters={**values},
                preserve_logical_ids=False,
            )
        made = plain["Resources"]
        self._tallies = self._resource("Tallies", dynamodb.CfnTable)
        self.tallies_table = dynamodb.Table.from_table_attributes(
            self,
            "TalliesTable",
            table_arn=self._tallies.attr_arn,
            global_indexes=[RANKING_INDEX],
        )
        self.favorites_table = None
        if "Favorites" in made:
            favorites = self._resource("Favorites", dynamodb.CfnTable)
            self.favorites_table = dynamodb.Table.from_table_attributes(
                self,
                "FavoritesTable",
                table_arn=favorites.attr_arn,
                table_stream_arn=favorites.attr_stream_arn,
                global_indexes=["by_user"],
            )
        self.aggregator = self._function("Aggregator")
        self.api = self._function("Api") if "Api" in made else None
        self.alarms = {
            name: cloudwatch.Alarm.from_alarm_arn(
                self, f"{name}Alarm", self._resource(name, cloudwatch.CfnAlarm).attr_arn
            )
            for name, resource in made.items()
            if resource["Type"] == "AWS::CloudWatch::Alarm"
        }
        self.url = self.included.get_output("Url").value if "Api" in made else None
        self.store = self.included.get_output("Store").value

    def _resource(self, name: str, of: type[Resource]) -> Resource:
        found = self.included.get_resource(name)
        if not isinstance(found, of):
            raise TypeError(f"{name} of the template is of another type than {of.__name__}")
        return found

    def _function(self, name: str) -> lambda_.IFunction:
        role = self._resource(f"{name}Role", iam.CfnRole)
        return lambda_.Function.from_function_attributes(
            self,
            f"{name}Function",
            function_arn=self._resource(name, lambda_.CfnFunction).attr_arn,
            role=iam.Role.from_role_arn(self, f"{name}FunctionRole", role.attr_arn),
            same_environment=True,
        )

    def _put_code(self, code: assets.Asset) -> None:
        for name in ("Aggregator", "Api"):
            if name == "Aggregator" or self.api is not None:
                function = self._resource(name, lambda_.CfnFunction)
                function.code = lambda_.CfnFunction.CodeProperty(
                    s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key
                )
                code.add_resource_metadata(function, "Code")

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody read the tallies and leaderboards, as the API may, and nothing else."""
        grants = [
            iam.Grant.add_to_principal(
                grantee=grantee,
                actions=_list(statement["Action"]),
                resource_arns=[self._arn(statement["Resource"])],
            )
            for statement in self._statements
            if statement.get("Sid", "").startswith("Read")
        ]
        combined, *others = grants
        for other in others:
            combined = combined.combine(other)
        return combined

    def _arn(self, resource: Mapping[str, Any]) -> str:
        """A resource of the template's policies: the table of the tallies, or below its name."""
        arn: str = self._tallies.attr_arn
        if "Fn::Sub" in resource:
            text: str = resource["Fn::Sub"]
            return text.replace("${Tallies.Arn}", arn)
        return arn


_TRACING = {lambda_.Tracing.ACTIVE: "Active", lambda_.Tracing.PASS_THROUGH: "PassThrough"}


def _list(one_or_more: str | list[str]) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more


def _is_known(value: Any) -> bool:
    return not cdk.Token.is_unresolved(value)


def _declared(
    file: str | PathLike[str] | None,
) -> tuple[Declaration | None, str | None]:
    """What a file declares, and its text.

    Raises:
        InvalidTally: it cannot be read, or has no meaning.
    """
    if file is None:
        return None, None
    try:
        text = Path(file).read_text(encoding="utf-8")
        return read_declaration(text), text
    except (OSError, UnicodeDecodeError, InvalidTally) as error:
        raise InvalidTally(f"{file}: {error}") from None


def _origins(origins: Sequence[str]) -> list[str] | None:
    """Origins; one may belong to something that is still to be made, like a distribution.

    Raises:
        InvalidInput: one of them is none.
    """
    if isinstance(origins, str):
        raise InvalidInput("cors_origins is a list of texts.")
    for origin in origins:
        if not cdk.Token.is_unresolved(origin):
            check_origin(origin)
    return list(origins) or None


def _ranked(declared: Declaration | None) -> str | None:
    if declared is None or not declared.tallies[0].ranked:
        return None
    return ranked_component(declared.tallies[0])
