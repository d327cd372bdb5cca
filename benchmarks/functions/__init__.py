"""Lambda functions, in Lambda's own runtime client."""
