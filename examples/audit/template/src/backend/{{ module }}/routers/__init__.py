"""HTTP routes of the slice, one file for each resource."""
