"""The application: favorites of restaurants, counted live."""
