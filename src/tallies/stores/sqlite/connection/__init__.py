"""Connection: the one file, how it is opened, and how threads and processes share it.

It promises the other rooms one writer at a time, readers that see one moment, and errors of one
sentence. It knows no table.
"""
