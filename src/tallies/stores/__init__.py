"""Where rows, change records and tallies live. One protocol, one conformance suite, two stores."""
