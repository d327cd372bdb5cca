"""The DynamoDB store: a source table, its change stream, and a table of tallies."""
