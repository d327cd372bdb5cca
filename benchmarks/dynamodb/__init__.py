"""The store on DynamoDB, and what it costs there."""
