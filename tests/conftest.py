"""What all tests share: the engines that stand in for the cloud."""

pytest_plugins = ["tests.engines.fixtures"]
