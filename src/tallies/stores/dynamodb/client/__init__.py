"""Client: how the service is reached, and what its errors mean.

It promises the other rooms clients that connect late, retry what may be retried, and fail with a
`StoreError` of one sentence. It knows no table.
"""
