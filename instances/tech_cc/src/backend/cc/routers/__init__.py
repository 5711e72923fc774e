"""HTTP face of the slice, one file a resource."""
