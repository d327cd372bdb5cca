"""Faults of what is sent, and of what is made of the answers."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import HTTPClientError

from tallies.stores.dynamodb.apply.transactions import Sender
from tests.histories.fake import FakeDynamoDB
from tests.histories.mutations.mutation import Patch, mutation


@mutation("one token for all transactions", "shard")
def _(patch: Patch) -> None:
    original = Sender.transact

    def transact(self: Sender, actions: Any, deadline: float) -> None:
        kept, self.new_token = self.new_token, lambda: "token"
        try:
            original(self, actions, deadline)
        finally:
            self.new_token = kept

    patch.setattr(Sender, "transact", transact)


@mutation("a lost answer is taken for a yes", "shard")
def _(patch: Patch) -> None:
    original = Sender._commit

    def commit(self: Sender, send: Callable[[], object], deadline: float) -> None:
        def hopeful() -> None:
            try:
                send()
            except HTTPClientError:
                return

        original(self, hopeful, deadline)

    patch.setattr(Sender, "_commit", commit)


@mutation("keys that were not answered are not asked for again", "shard")
def _(patch: Patch) -> None:
    original = FakeDynamoDB.batch_get_item

    def batch_get_item(self: FakeDynamoDB, **request: Any) -> dict[str, Any]:
        return {**original(self, **request), "UnprocessedKeys": {}}

    patch.setattr(FakeDynamoDB, "batch_get_item", batch_get_item)
