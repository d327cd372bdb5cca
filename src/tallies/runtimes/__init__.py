"""What keeps the aggregation going: a loop beside the API, a worker, a Lambda function."""
