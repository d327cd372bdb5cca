"""A DynamoDB in memory: what the apply and the parked records ask of it, and no more.

It stands in for the real one only where faults are injected and where ten thousand histories have
to be played; `test_semantics.py` holds it against DynamoDB Local.
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.histories import expressions
from tests.histories.expressions import Invalid, Item

MAX_ACTIONS = 100
TOKEN_SECONDS = 600
"""How long a ClientRequestToken is remembered."""

Key = tuple[str, str]


def error(code: str, operation: str = "TransactWriteItems", *reasons: str) -> ClientError:
    """An error as botocore raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": int(code) if code.isdecimal() else 400},
    }
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, operation)


class FakeDynamoDB:
    """Tables of items under (group, time_window); every request is atomic."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.tables: dict[str, dict[Key, Item]] = {}
        self.tokens: dict[str, tuple[float, Any]] = {}
        self.batch_get = MAX_ACTIONS
        """How many keys of a BatchGetItem are answered at once."""
        self._monotonic = monotonic

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        actions, token = request["TransactItems"], request.get("ClientRequestToken")
        if token is not None and (known := self.tokens.get(token)):
            at, before = known
            if self._monotonic() - at < TOKEN_SECONDS:
                if before != actions:
                    raise error("IdempotentParameterMismatchException")
                return {}
        if not 0 < len(actions) <= MAX_ACTIONS:
            raise error("ValidationException")
        edits = []
        reasons = []
        for action in actions:
            ((kind, what),) = action.items()
            found = self._edit(kind, what)
            reasons.append(found if isinstance(found, str) else "None")
            edits.append((what["TableName"], found, kind))
        keys = [(table, found[0]) for table, found, _ in edits if not isinstance(found, str)]
        if len(set(keys)) < len(keys):
            raise error("ValidationException")
        if set(reasons) != {"None"}:
            raise error("TransactionCanceledException", "TransactWriteItems", *reasons)
        for table, found, kind in edits:
            if kind != "ConditionCheck":
                self._put(table, *found)
        if token is not None:
            self.tokens[token] = (self._monotonic(), actions)
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        found = self._edit("Update", request)
        if isinstance(found, str):
            raise self._refusal(found, "UpdateItem", request)
        self._put(request["TableName"], *found)
        return {"Attributes": dict(found[1] or {})} if "ReturnValues" in request else {}

    def put_item(self, **request: Any) -> dict[str, Any]:
        found = self._edit("Put", request)
        if isinstance(found, str):
            raise self._refusal(found, "PutItem", request)
        self._put(request["TableName"], *found)
        return {}

    def _refusal(self, why: str, operation: str, request: Mapping[str, Any]) -> ClientError:
        code = {"ConditionalCheckFailed": "ConditionalCheckFailedException"}
        refusal = error(code.get(why, "ValidationException"), operation)
        if "ReturnValuesOnConditionCheckFailure" in request:
            there = self.tables.get(request["TableName"], {}).get(_key(request["Key"]))
            response: Any = refusal.response
            response |= {} if there is None else {"Item": dict(there)}
        return refusal

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"], "an old position may not be trusted"
        item = self.tables.get(request["TableName"], {}).get(_key(request["Key"]))
        return {} if item is None else {"Item": dict(item)}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        found: dict[str, list[Item]] = {}
        left: dict[str, Any] = {}
        for table, asked in request["RequestItems"].items():
            assert asked["ConsistentRead"], "what has just been written may not be overlooked"
            if not 0 < len(asked["Keys"]) <= MAX_ACTIONS:
                raise error("ValidationException", "BatchGetItem")
            rows = self.tables.get(table, {})
            now, later = asked["Keys"][: self.batch_get], asked["Keys"][self.batch_get :]
            found[table] = [dict(rows[_key(key)]) for key in now if _key(key) in rows]
            if later:
                left[table] = {**asked, "Keys": later}
        return {"Responses": found, "UnprocessedKeys": left}

    def query(self, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"], "what has just been parked may not be overlooked"
        test = expressions.condition(request["KeyConditionExpression"])
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        admits = expressions.condition(request.get("FilterExpression", "attribute_exists(group)"))
        found = [
            dict(item)
            for _, item in sorted(self.tables.get(request["TableName"], {}).items())
            if test(item, names, values) and admits(item, names, values)
        ]
        counted = request.get("Select") == "COUNT"
        return {"Count": len(found)} if counted else {"Items": found, "Count": len(found)}

    def sweep(self, now: float) -> None:
        """Time to live: delete what it is over for. The real one takes its time."""
        for rows in self.tables.values():
            for key, item in list(rows.items()):
                if "expires_at" in item and float(item["expires_at"]["N"]) <= now:
                    del rows[key]

    def _edit(self, kind: str, request: Mapping[str, Any]) -> tuple[Key, Item | None] | str:
        """The key and the item as it will be; or why not."""
        key = _key(request["Item"] if kind == "Put" else request["Key"])
        there = self.tables.get(request["TableName"], {}).get(key)
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})
        text = request.get("ConditionExpression")
        if text and not expressions.condition(text)(there or {}, names, values):
            return "ConditionalCheckFailed"
        if kind in ("Delete", "ConditionCheck"):
            return key, None
        if kind == "Put":
            return key, dict(request["Item"])
        item = dict(there if there is not None else request["Key"])
        try:
            expressions.update(request["UpdateExpression"])(item, names, values)
        except Invalid:
            return "ValidationError"
        return key, item

    def _put(self, table: str, key: Key, item: Item | None) -> None:
        rows = self.tables.setdefault(table, {})
        if item is None:
            rows.pop(key, None)
        else:
            rows[key] = item


def _key(item: Mapping[str, Any]) -> Key:
    return item["group"]["S"], item["time_window"]["S"]
