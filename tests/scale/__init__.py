"""The simulation at scale, held against arithmetic and against the product."""
