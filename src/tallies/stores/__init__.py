"""Where rows, change records and tallies live: one protocol, one conformance suite, two stores."""
