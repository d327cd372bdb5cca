"""What can go wrong with an engine, and with a function that runs in one."""


class EngineError(Exception):
    """An engine is there but did not start or did not answer."""


class EngineMissingError(EngineError):
    """An engine, or a tool that fetches or runs it, is not on this machine.

    Kept apart because tests skip on it (and fail on it in CI), while any other error is a failure
    everywhere.
    """


class FunctionError(Exception):
    """The handler raised, or its process died: what a caller of Lambda gets as FunctionError."""

    def __init__(self, error_type: str, message: str, stack_trace: list[str] | None = None) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message
        self.stack_trace = stack_trace or []


class FunctionTimeoutError(FunctionError):
    """The handler ran past the function's timeout and was killed, as in Lambda."""
